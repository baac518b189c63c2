extension Manifests {
  /// The way in which vipctl runs in a cluster.
  public struct Options: Sendable, Hashable {
    /// The namespace of the pods.
    public var namespace = "vipctl-system"
    /// The image with `vipctl-kubernetes` and `vipctl`.
    public var image = "vipctl-kubernetes:0.1.0"
    /// The rule by which the image is fetched: `Always`, `IfNotPresent` or `Never`.
    public var imagePullPolicy = "IfNotPresent"
    /// The Secrets by which it is fetched.
    public var imagePullSecrets: [String] = []

    /// The class that Services name to get addresses.
    public var loadBalancerClass = "vipctl.io/vip"
    /// Whether Services without a class get addresses, too.
    public var isDefaultClass = false
    /// The time between advertisements of pools that do not say one.
    public var interval = "250ms"
    /// The VRIDs of pools that do not say any.
    public var vrids = "1-255"

    /// Where kube-proxy of the same node says whether it is well; `nil` if it is not asked.
    public var kubeProxy: String? = "127.0.0.1:10256"
    /// The port of metrics and probes on each node.
    public var metricsPort = 7480
    /// The address of that port; `nil` for all addresses of the node.
    public var metricsAddress: String?
    /// From which level on lines are logged: `debug`, `info`, `notice`, `warning` or `error`.
    public var logLevel = "info"
    /// The form of the log: `logfmt`, `json` or `text`.
    public var logFormat = "logfmt"
    /// Whether vipctl runs before all ordinary work of a node, for which the pod gets `SYS_NICE`.
    public var isRealtime = false
    /// The directory of a node that has its last state; `nil` to forget it with the pod.
    public var stateDirectory: String? = "/var/lib/vipctl"

    /// The labels of the nodes on which pods run.
    public var nodeSelector = ["kubernetes.io/os": "linux"]
    /// The taints that pods tolerate.
    public var tolerations: [Toleration] = [.all]
    /// The class of the pods' priority.
    public var priorityClass = "system-node-critical"
    /// The time that a pod has to hand its addresses over.
    public var gracePeriod: Duration = .seconds(30)
    /// The processor time that a pod asks for.
    public var cpuRequest = "50m"
    /// The memory that a pod asks for.
    public var memoryRequest = "64Mi"
    /// The memory that a pod gets at most.
    public var memoryLimit = "512Mi"

    /// Makes options that have their defaults.
    public init() {}
  }

  /// A taint that pods tolerate.
  public struct Toleration: Sendable, Hashable {
    /// The key of the taint; empty for all taints.
    public var key: String
    /// Its value; `nil` for any.
    public var value: String?
    /// Its effect; `nil` for any.
    public var effect: String?

    /// Makes a toleration.
    public init(key: String, value: String? = nil, effect: String? = nil) {
      self.key = key
      self.value = value
      self.effect = effect
    }

    /// All taints.
    public static let all = Toleration(key: "")

    /// Reads `KEY[=VALUE][:EFFECT]`, as `kubectl taint` has it; an empty text stands for all
    /// taints.
    public init(parsing text: String) {
      let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let pair = parts[0].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      self.init(
        key: String(pair[0]), value: pair.count > 1 ? String(pair[1]) : nil,
        effect: parts.count > 1 ? String(parts[1]) : nil)
    }
  }

  /// The reason why options can't be used.
  public struct OptionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name of the option, as a property of ``Options``.
    public let option: String
    /// The fault of its value, and what would be right, in one line.
    public let problem: String

    /// The option and its problem.
    public var description: String { "\(option): \(problem)" }
  }
}

extension Manifests.Options {
  /// Refuses what the API server or the pods would refuse.
  func validate() throws(Manifests.OptionError) {
    try check(
      "namespace", namespace, Self.isLabel, "is no name of a namespace, such as vipctl-system")
    try check("image", image, Self.isImage, "is no image, such as registry.example.com/vipctl:1.0")
    try check(
      "imagePullPolicy", imagePullPolicy, { ["Always", "IfNotPresent", "Never"].contains($0) },
      "is none of Always, IfNotPresent, Never")
    for secret in imagePullSecrets {
      try check("imagePullSecrets", secret, Self.isName, "is no name of a Secret")
    }
    try check(
      "loadBalancerClass", loadBalancerClass, Self.isQualified, "is no class, such as vipctl.io/vip"
    )
    try check(
      "interval", interval, Self.isInterval,
      "is none from 10ms to 40.95s in steps of 10ms, such as 250ms")
    try check(
      "vrids", vrids, Self.areVRIDs,
      "is no list of numbers and ranges from 1 to 255, such as 31-60,80")
    if let kubeProxy {
      try check(
        "kubeProxy", kubeProxy, Self.isEndpoint,
        "is no address with a port, such as 127.0.0.1:10256")
    }
    try check(
      "metricsPort", "\(metricsPort)", { _ in (1...65_535).contains(metricsPort) },
      "is no port from 1 to 65535")
    try check(
      "logLevel", logLevel, { ["debug", "info", "notice", "warning", "error"].contains($0) },
      "is none of debug, info, notice, warning, error")
    if let metricsAddress {
      try check(
        "metricsAddress", metricsAddress, Self.isAddress, "is no address, such as 127.0.0.1")
    }
    try check(
      "logFormat", logFormat, { ["logfmt", "json", "text"].contains($0) },
      "is none of logfmt, json, text")
    if let stateDirectory {
      try check(
        "stateDirectory", stateDirectory, Self.isPath,
        "is no absolute path, such as /var/lib/vipctl")
    }
    try validatePlacement()
  }

  private func validatePlacement() throws(Manifests.OptionError) {
    for (key, value) in nodeSelector.sorted(by: { $0.key < $1.key }) {
      try check("nodeSelector", key, Self.isQualified, "is no key of a label")
      try check("nodeSelector", value, { $0.isEmpty || Self.isWord($0) }, "is no value of a label")
    }
    for toleration in tolerations {
      if !toleration.key.isEmpty {
        try check("tolerations", toleration.key, Self.isQualified, "is no key of a taint")
      } else if toleration.value != nil {
        try fail("tolerations", "a value needs a key: KEY=VALUE:EFFECT")
      }
      if let value = toleration.value {
        try check("tolerations", value, { $0.isEmpty || Self.isWord($0) }, "is no value of a taint")
      }
      if let effect = toleration.effect {
        try check(
          "tolerations", effect,
          { ["NoSchedule", "PreferNoSchedule", "NoExecute"].contains($0) },
          "is none of NoSchedule, PreferNoSchedule, NoExecute")
      }
    }
    try check("priorityClass", priorityClass, Self.isName, "is no name of a PriorityClass")
    let seconds = gracePeriod.components
    guard (10...3600).contains(seconds.seconds), seconds.attoseconds == 0 else {
      try fail("gracePeriod", "it must be whole seconds from 10 s to 1 h")
    }
    for (option, value) in [
      ("cpuRequest", cpuRequest), ("memoryRequest", memoryRequest), ("memoryLimit", memoryLimit),
    ] {
      try check(option, value, Self.isQuantity, "is no quantity, such as 50m or 64Mi")
    }
  }

  private func fail(_ option: String, _ problem: String) throws(Manifests.OptionError) -> Never {
    throw Manifests.OptionError(option: option, problem: problem)
  }

  private func check(
    _ option: String, _ value: String, _ isRight: (String) -> Bool, _ problem: String
  ) throws(Manifests.OptionError) {
    guard isRight(value) else { try fail(option, "'\(Self.shown(value))' \(problem)") }
  }

  /// A value in a message of one line.
  private static func shown(_ value: String) -> String {
    let line = value.unicodeScalars.prefix(80).map { scalar in
      scalar.value < 0x20 || scalar.value == 0x7F ? "?" : Character(scalar)
    }
    return String(line) + (value.unicodeScalars.count > 80 ? "…" : "")
  }
}
