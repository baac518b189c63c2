public import KubernetesClient
public import VIP
public import VIPKubernetes

/// How a ``ClusterProgram`` runs.
public struct ClusterOptions: Sendable {
  /// Where the API server is.
  public var api: ClientConfiguration
  /// The name of the node in the cluster.
  public var node: String
  /// The namespace of the Lease.
  public var namespace: String
  /// The name of the Lease by which the programs agree on the allocator; `nil` to take no part in that.
  public var leaseName: String?
  /// The name of this program in the Lease and in events, such as that of its pod.
  public var instance: String
  /// Which Services get addresses.
  public var allocator: AllocatorOptions
  /// The settings of the node's engine.
  public var settings: NodeSettings
  /// Where the node has its control socket.
  public var runtimeDirectory: String
  /// Where it keeps what a later life needs; `nil` if nowhere.
  public var stateDirectory: String?
  /// The health page of kube-proxy; `nil` if its health does not matter.
  public var proxyURL: String?
  /// The port for metrics and probes; `nil` for none.
  public var port: Int?
  /// The address of that port; all if left out.
  public var address: String?

  /// Makes options; what is left out has its default.
  public init(
    api: ClientConfiguration, node: String, namespace: String,
    leaseName: String? = "vipctl-allocator", instance: String,
    allocator: AllocatorOptions = AllocatorOptions(),
    settings: NodeSettings = NodeSettings(isGuarded: true),
    runtimeDirectory: String = "/run/vipctl", stateDirectory: String? = nil,
    proxyURL: String? = nil, port: Int? = nil, address: String? = nil
  ) {
    self.api = api
    self.node = node
    self.namespace = namespace
    self.leaseName = leaseName
    self.instance = instance
    self.allocator = allocator
    self.settings = settings
    self.runtimeDirectory = runtimeDirectory
    self.stateDirectory = stateDirectory
    self.proxyURL = proxyURL
    self.port = port
    self.address = address
  }
}
