import ArgumentParser
import Glibc
import KubernetesClient
import VIP
import VIPKubernetes
import VIPKubernetesRuntime
import VIPReports
import VIPService

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a node that serves what the cluster says, as a pod of the DaemonSet does.",
    discussion: """
      In a pod all is found by itself: the API server by KUBERNETES_SERVICE_HOST, the token in the files \
      of the service account, and the names by the variables NODE_NAME, POD_NAME and POD_NAMESPACE. \
      Outside a pod:

        vipctl-kubernetes run --kubeconfig ~/.kube/config --node node-a
        vipctl-kubernetes run --server https://192.0.2.1:6443 --token-file token --ca-file ca.crt \\
          --node node-a

      SIGTERM hands all addresses over and ends it with exit code 0; a second one ends it at once.
      """)

  @OptionGroup var api: APIOptions

  @Option(
    help: ArgumentHelp(
      "The name of this node in the cluster. (default: $NODE_NAME)", valueName: "name"))
  var node: String?

  @Option(
    help: ArgumentHelp(
      "The namespace of the Lease. (default: $POD_NAMESPACE, or vipctl-system)", valueName: "name"))
  var namespace: String?

  @Option(
    help: ArgumentHelp(
      "The name of this program in the Lease and in events. (default: $POD_NAME, or the node's)",
      valueName: "name"))
  var instance: String?

  @Option(
    help: ArgumentHelp(
      "The Lease by which the pods agree on the one that gives addresses, or off.",
      valueName: "name"))
  var lease = "vipctl-allocator"

  @OptionGroup var common: CommonOptions

  @Option(
    name: .customLong("state-dir"),
    help: ArgumentHelp(
      "Where the node keeps what it served last, for a start without API server; nowhere if left out.",
      valueName: "dir"))
  var stateDirectory: String?

  @Option(
    name: .customLong("runtime-dir"),
    help: ArgumentHelp(
      "Where the node keeps its control socket. (default: $VIPCTL_RUNTIME_DIR or /run/vipctl)",
      valueName: "dir"))
  var runtimeDirectory: String?

  /// What is left out has its default.
  private var kubeProxy: String { common.kubeProxy ?? "127.0.0.1:10256" }
  private var metricsPort: Int { common.metricsPort ?? 7480 }

  func validate() throws {
    guard (0...65_535).contains(metricsPort) else {
      throw ValidationError("--metrics-port is \(metricsPort), which is no port")
    }
    if kubeProxy != "off", !Self.isEndpoint(kubeProxy) {
      throw ValidationError(
        "--kube-proxy is '\(kubeProxy)', neither an address with a port, such as 127.0.0.1:10256, nor off"
      )
    }
  }

  /// Whether a text ends with a colon and a port, and can stand in a URL.
  private static func isEndpoint(_ text: String) -> Bool {
    guard let colon = text.lastIndex(of: ":"), colon > text.startIndex,
      let port = UInt16(text[text.index(after: colon)...]), port > 0
    else { return false }
    return text.utf8.allSatisfy { byte in
      byte > 0x20 && byte < 0x7f && !"/?#@\"\\".utf8.contains(byte)
    }
  }

  func run() throws {
    let environment = Environment.all()
    let options = try clusterOptions(environment)
    let missing = ProcessCapabilities.missing()
    guard missing.isEmpty else {
      throw Failure(
        code: 77,
        line:
          "\(missing.joined(separator: " and ")) \(missing.count == 1 ? "is" : "are") missing; run "
          + "it as root, in a pod with these capabilities in its securityContext")
    }
    LogOutput.use((common.logFormat ?? .logfmt).format)
    let level = common.logLevel ?? .info
    NodeProcess.runToEnd { stops in
      let log = ClusterLog { line, moment in
        if level.includes(line.level) { LogOutput.write(line, at: moment) }
      }
      do throws(NodeError) {
        let program = try ClusterProgram(options, log: log)
        await program.run(until: stops)
        return 0
      } catch {
        LogOutput.write(failure: "vipctl-kubernetes: \(error)")
        return 1
      }
    }
  }

  private func clusterOptions(_ environment: [String: String]) throws -> ClusterOptions {
    let configuration = try api.configuration(environment)
    guard let node = node ?? environment["NODE_NAME"], !node.isEmpty else {
      throw Failure(
        code: 64, line: "the name of this node is not known; give --node or set NODE_NAME")
    }
    var options = ClusterOptions(
      api: configuration, node: node,
      namespace: namespace ?? environment["POD_NAMESPACE"] ?? "vipctl-system",
      instance: instance ?? environment["POD_NAME"] ?? node)
    options.leaseName = lease == "off" ? nil : lease
    options.allocator = AllocatorOptions(
      loadBalancerClass: common.loadBalancerClass ?? "vipctl.io/vip",
      isDefault: common.isDefault)
    options.settings.isRealtime = common.realtime
    options.runtimeDirectory =
      runtimeDirectory ?? environment["VIPCTL_RUNTIME_DIR"] ?? options.runtimeDirectory
    options.stateDirectory = stateDirectory
    options.proxyURL = kubeProxy == "off" ? nil : "http://\(kubeProxy)/healthz"
    options.port = metricsPort == 0 ? nil : metricsPort
    options.address = common.metricsAddress
    return options
  }
}

/// The form of the log.
enum LogForm: String, ExpressibleByArgument, CaseIterable {
  case logfmt, json, text

  var format: LogFormat {
    switch self {
    case .logfmt: .logfmt
    case .json: .json
    case .text: .text
    }
  }
}

/// From which level on lines are logged.
enum LogLevel: String, ExpressibleByArgument, CaseIterable, Sendable {
  case debug, info, notice, warning, error

  /// Whether a line is logged.
  func includes(_ level: LogLine.Level) -> Bool {
    switch level {
    case .info: self == .debug || self == .info
    case .warning: self != .error
    case .error: true
    }
  }
}
