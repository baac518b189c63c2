import Testing
import VIPKubernetes

@testable import VIPKubernetesManifests

/// Options, good and bad.
@Suite struct OptionTests {
  typealias Change = @Sendable (inout Manifests.Options) -> Void

  /// A value for each option that is not its default, and a part of the text that it leads to.
  private static let good: [(text: String, change: Change)] = [
    ("namespace: net-1", { $0.namespace = "net-1" }),
    (
      "image: \"r.example.com:5000/vipctl@sha256:0a\"",
      { $0.image = "r.example.com:5000/vipctl@sha256:0a" }
    ),
    ("imagePullPolicy: Always", { $0.imagePullPolicy = "Always" }),
    ("imagePullSecrets:", { $0.imagePullSecrets = ["registry"] }),
    ("--class=example.com/vip", { $0.loadBalancerClass = "example.com/vip" }),
    ("--default", { $0.isDefaultClass = true }),
    ("default: \"100ms\"", { $0.interval = "100ms" }),
    ("default: \"31-60,80\"", { $0.vrids = "31-60,80" }),
    ("--kube-proxy=off", { $0.kubeProxy = nil }),
    ("--kube-proxy=[::1]:10256", { $0.kubeProxy = "[::1]:10256" }),
    ("containerPort: 9100", { $0.metricsPort = 9100 }),
    ("--metrics-address=192.0.2.1", { $0.metricsAddress = "192.0.2.1" }),
    ("--log-level=debug", { $0.logLevel = "debug" }),
    ("--log-format=json", { $0.logFormat = "json" }),
    ("--realtime", { $0.isRealtime = true }),
    ("path: /srv/vipctl", { $0.stateDirectory = "/srv/vipctl" }),
    (
      "node-role.kubernetes.io/edge: \"\"",
      { $0.nodeSelector = ["node-role.kubernetes.io/edge": ""] }
    ),
    ("key: dedicated", { $0.tolerations = [.init(parsing: "dedicated=edge:NoSchedule")] }),
    ("priorityClassName: high", { $0.priorityClass = "high" }),
    ("terminationGracePeriodSeconds: 60", { $0.gracePeriod = .seconds(60) }),
    ("cpu: \"1\"", { $0.cpuRequest = "1" }),
    ("memory: \"32Mi\"", { $0.memoryRequest = "32Mi" }),
    ("memory: \"1Gi\"", { $0.memoryLimit = "1Gi" }),
  ]

  @Test(arguments: good.indices)
  func `each option is printed`(index: Int) throws {
    let (text, change) = Self.good[index]
    var options = Manifests.Options()
    change(&options)
    let printed = try Manifests(options).text
    #expect(printed.contains(text))
    #expect(try printed != Manifests().text)
  }

  @Test func `each option has a good value here`() {
    // kubeProxy has two.
    #expect(Mirror(reflecting: Manifests.Options()).children.count == Self.good.count - 1)
  }

  private static let bad: [(option: String, change: Change)] = [
    ("namespace", { $0.namespace = "" }), ("namespace", { $0.namespace = "Net" }),
    ("namespace", { $0.namespace = "a.b" }),
    ("namespace", { $0.namespace = String(repeating: "a", count: 64) }),
    ("image", { $0.image = "" }), ("image", { $0.image = "a b" }), ("image", { $0.image = "a:" }),
    ("image", { $0.image = "a\n- b" }),
    ("imagePullPolicy", { $0.imagePullPolicy = "always" }),
    ("imagePullSecrets", { $0.imagePullSecrets = ["ok", "Not"] }),
    ("loadBalancerClass", { $0.loadBalancerClass = "a/b/c" }),
    ("loadBalancerClass", { $0.loadBalancerClass = "" }),
    ("interval", { $0.interval = "1ms" }), ("interval", { $0.interval = "250" }),
    ("vrids", { $0.vrids = "0-9" }), ("vrids", { $0.vrids = "60-31" }),
    ("kubeProxy", { $0.kubeProxy = "127.0.0.1" }), ("kubeProxy", { $0.kubeProxy = "a:0" }),
    ("kubeProxy", { $0.kubeProxy = "::1:10256" }), ("kubeProxy", { $0.kubeProxy = "[a]:1" }),
    ("kubeProxy", { $0.kubeProxy = "http://a:1" }),
    ("metricsPort", { $0.metricsPort = 0 }), ("metricsPort", { $0.metricsPort = 65_536 }),
    ("metricsAddress", { $0.metricsAddress = "" }),
    ("metricsAddress", { $0.metricsAddress = "192.0.2.256" }),
    ("metricsAddress", { $0.metricsAddress = "node-a" }),
    ("logLevel", { $0.logLevel = "loud" }), ("logFormat", { $0.logFormat = "xml" }),
    ("stateDirectory", { $0.stateDirectory = "var" }),
    ("stateDirectory", { $0.stateDirectory = "/" }),
    ("stateDirectory", { $0.stateDirectory = "/var/../etc" }),
    ("nodeSelector", { $0.nodeSelector = ["a b": "c"] }),
    ("nodeSelector", { $0.nodeSelector = ["a": "-"] }),
    ("tolerations", { $0.tolerations = [.init(parsing: "a=b:Never")] }),
    ("tolerations", { $0.tolerations = [.init(parsing: "=b")] }),
    ("tolerations", { $0.tolerations = [.init(parsing: "a=b c")] }),
    ("tolerations", { $0.tolerations = [.init(parsing: "a/b/c")] }),
    ("priorityClass", { $0.priorityClass = "" }),
    ("gracePeriod", { $0.gracePeriod = .seconds(1) }),
    ("gracePeriod", { $0.gracePeriod = .milliseconds(10_500) }),
    ("gracePeriod", { $0.gracePeriod = .seconds(4000) }),
    ("cpuRequest", { $0.cpuRequest = "fast" }), ("memoryRequest", { $0.memoryRequest = "0" }),
    ("memoryLimit", { $0.memoryLimit = "64 Mi" }),
  ]

  @Test(arguments: bad.indices)
  func `a bad value is refused in one line`(index: Int) {
    let (option, change) = Self.bad[index]
    var options = Manifests.Options()
    change(&options)
    let error = #expect(throws: Manifests.OptionError.self) { try Manifests(options) }
    #expect(error?.option == option)
    let text = error.map { "\($0)" } ?? "\n"
    #expect(!text.contains("\n") && text.hasPrefix("\(option): ") && text.count < 200)
  }

  @Test func `each option that can be bad has a bad value here`() {
    let names = Mirror(reflecting: Manifests.Options()).children.compactMap(\.label)
    #expect(Set(names).subtracting(Self.bad.map(\.option)) == ["isDefaultClass", "isRealtime"])
  }

  @Test func `a toleration as kubectl taint has it`() {
    #expect(Manifests.Toleration(parsing: "") == .all)
    #expect(Manifests.Toleration(parsing: "a") == .init(key: "a"))
    #expect(Manifests.Toleration(parsing: "a=") == .init(key: "a", value: ""))
    #expect(Manifests.Toleration(parsing: "a=b:c") == .init(key: "a", value: "b", effect: "c"))
    #expect(Manifests.Toleration(parsing: ":NoExecute") == .init(key: "", effect: "NoExecute"))
  }

  @Test func `the class is the allocator's`() {
    let allocator = AllocatorOptions()
    let options = Manifests.Options()
    #expect(options.loadBalancerClass == allocator.loadBalancerClass)
    #expect(options.isDefaultClass == allocator.isDefault)
  }
}
