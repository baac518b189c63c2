public import KubernetesClient
public import VIPKubernetes

extension Resource where Object == Service {
  /// Services.
  public static var services: Resource<Service> { Resource(version: "v1", plural: "services") }
}

extension Resource where Object == EndpointSlice {
  /// EndpointSlices.
  public static var endpointSlices: Resource<EndpointSlice> {
    Resource(group: "discovery.k8s.io", version: "v1", plural: "endpointslices")
  }
}

extension Resource where Object == ClusterNode {
  /// Nodes.
  public static var nodes: Resource<ClusterNode> { Resource(version: "v1", plural: "nodes") }
}

extension Resource where Object == Namespace {
  /// Namespaces.
  public static var namespaces: Resource<Namespace> {
    Resource(version: "v1", plural: "namespaces")
  }
}

extension Resource where Object == AddressPool {
  /// AddressPools.
  public static var addressPools: Resource<AddressPool> {
    Resource(group: API.group, version: API.version, plural: "addresspools")
  }
}

extension Resource where Object == VirtualRouter {
  /// VirtualRouters.
  public static var virtualRouters: Resource<VirtualRouter> {
    Resource(group: API.group, version: API.version, plural: "virtualrouters")
  }
}

/// An event as the API server keeps it: of which nothing is read.
struct StoredEvent: Decodable, Sendable {}

extension Resource where Object == StoredEvent {
  static var events: Resource<StoredEvent> {
    Resource(group: "events.k8s.io", version: "v1", plural: "events")
  }
}

/// The group of the objects of this project.
enum API {
  static let group = "vipctl.io"
  static let version = "v1alpha1"
  static let groupVersion = "\(group)/\(version)"
}

extension ObjectName {
  /// The name of an object of the plan.
  init(_ key: ObjectKey) { self.init(key.name, in: key.namespace) }
}
