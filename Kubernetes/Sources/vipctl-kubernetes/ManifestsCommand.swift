import ArgumentParser
import VIPKubernetesManifests

struct ManifestsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "manifests",
    abstract: "Print the objects that run vipctl in a cluster.",
    discussion: """
      They go to standard output as one stream of YAML documents:

        vipctl-kubernetes manifests --default | kubectl apply -f -
        vipctl-kubernetes manifests --image registry.example.com/vipctl:1.0 --kube-proxy off
      """)

  @OptionGroup var common: CommonOptions

  @Option(help: ArgumentHelp("The namespace of the pods.", valueName: "name"))
  var namespace: String?

  @Option(help: ArgumentHelp("The image with vipctl-kubernetes and vipctl.", valueName: "image"))
  var image: String?

  @Option(
    name: .customLong("image-pull-policy"),
    help: ArgumentHelp("When it is fetched: Always, IfNotPresent or Never.", valueName: "policy"))
  var imagePullPolicy: String?

  @Option(
    name: .customLong("image-pull-secret"), parsing: .singleValue,
    help: ArgumentHelp(
      "A Secret by which it is fetched; can be given several times.", valueName: "name"))
  var imagePullSecrets: [String] = []

  @Option(
    help: ArgumentHelp("The time between advertisements of pools that say none.", valueName: "time")
  )
  var interval: String?

  @Option(help: ArgumentHelp("The VRIDs of pools that say none, such as 31-60.", valueName: "list"))
  var vrids: String?

  @Option(
    name: .customLong("state-dir"),
    help: ArgumentHelp(
      "The directory of each node that has its last state, or off to forget it with the pod.",
      valueName: "dir"))
  var stateDirectory: String?

  @Option(
    name: .customLong("node-selector"), parsing: .singleValue,
    help: ArgumentHelp(
      "A label of the nodes on which pods run; can be given several times.", valueName: "key=value")
  )
  var nodeSelector: [String] = []

  @Option(
    name: .customLong("toleration"), parsing: .singleValue,
    help: ArgumentHelp(
      "A taint that pods tolerate, KEY[=VALUE][:EFFECT]; can be given several times. (default: all)",
      valueName: "taint"))
  var tolerations: [String] = []

  @Option(
    name: .customLong("priority-class"),
    help: ArgumentHelp("The class of the pods' priority.", valueName: "name"))
  var priorityClass: String?

  @Option(
    name: .customLong("grace-period"),
    help: ArgumentHelp("How long a pod has to hand its addresses over.", valueName: "seconds"))
  var gracePeriod: Int?

  func run() throws { print(try text(), terminator: "") }

  private func text() throws -> String {
    do throws(Manifests.OptionError) {
      return try Manifests(options).text
    } catch {
      throw Failure(code: 64, line: "\(Self.flag(of: error.option)): \(error.problem)")
    }
  }

  /// The flag that sets a property of the options.
  private static func flag(of property: String) -> String {
    let others = [
      "loadBalancerClass": "class", "stateDirectory": "state-dir", "tolerations": "toleration",
      "imagePullSecrets": "image-pull-secret",
    ]
    let words = property.map { $0.isUppercase ? "-\($0.lowercased())" : String($0) }.joined()
    return "--" + (others[property] ?? words)
  }

  private var options: Manifests.Options {
    var options = Manifests.Options()
    options.isDefaultClass = common.isDefault
    if let namespace { options.namespace = namespace }
    if let image { options.image = image }
    if let imagePullPolicy { options.imagePullPolicy = imagePullPolicy }
    options.imagePullSecrets = imagePullSecrets
    if let name = common.loadBalancerClass { options.loadBalancerClass = name }
    if let interval { options.interval = interval }
    if let vrids { options.vrids = vrids }
    if let proxy = common.kubeProxy { options.kubeProxy = proxy == "off" ? nil : proxy }
    if let port = common.metricsPort { options.metricsPort = port }
    options.metricsAddress = common.metricsAddress
    options.isRealtime = common.realtime
    if let form = common.logFormat { options.logFormat = form.rawValue }
    if let level = common.logLevel { options.logLevel = level.rawValue }
    if let stateDirectory {
      options.stateDirectory = stateDirectory == "off" ? nil : stateDirectory
    }
    for label in nodeSelector {
      let pair = label.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      options.nodeSelector[String(pair[0])] = pair.count > 1 ? String(pair[1]) : ""
    }
    if !tolerations.isEmpty {
      options.tolerations = tolerations.map { Manifests.Toleration(parsing: $0) }
    }
    if let priorityClass { options.priorityClass = priorityClass }
    if let gracePeriod { options.gracePeriod = .seconds(gracePeriod) }
    return options
  }
}
