import VIPCore
import VRRP

/// The place of a Service among those that want the same: the older one comes first.
struct ServiceRank: Sendable, Hashable, Comparable {
  let created: String
  let key: ObjectKey

  static func < (left: ServiceRank, right: ServiceRank) -> Bool {
    left.created != right.created ? left.created < right.created : left.key < right.key
  }
}

/// What is known of a Service.
struct ServiceState: Sendable {
  let rank: ServiceRank
  let uid: String
  var resourceVersion: String
  /// Whether it asks this program for addresses.
  var isOurs: Bool
  var isDeleting: Bool
  /// The families that it wants an address of, in order.
  var families: [AddressFamily]
  /// Whether it wants either all families or none.
  var requiresAll: Bool
  /// Whether it is content with an address of one family if there is none of the other.
  var isContentWithOne: Bool
  var isLocal: Bool
  var labels: [String: String]
  var selector: [String: String]
  var ports: [Service.Port]
  var sharingKey: String?
  var request: AddressRequest
  /// The addresses that it has, in the order of the families; more than the API says for a while.
  var held: [IPAddress] = []
  /// Those of them that have been seen in its status.
  ///
  /// No other Service can have been given one since, so it keeps them also if another program has
  /// overwritten the status.
  var seen: Set<IPAddress> = []
  /// What it does not get, and why.
  var refusals: [Refusal] = []
  /// What the status says or will say once the last write is made; `nil` if that is not known.
  var published: ServiceUpdate?
  /// Whether a write is on its way that has not been seen yet.
  var isAhead = false
  /// Whether a write has failed, so that nothing is decided until the Service has been seen again.
  var isUncertain = false
  var waits: Set<WaitKey> = []
  /// Whether what it shares addresses by has changed since it was looked at.
  var isChallenger = false
  /// What is known of another program that writes its addresses; `nil` if there is none.
  var contest: Contest?

  var key: ObjectKey { rank.key }
  var wantsAddresses: Bool { isOurs && !isDeleting }

  /// Whether it can share an address with the same Services as it could before a change.
  func shares(as before: ServiceState) -> Bool {
    sharingKey == before.sharingKey && ports == before.ports && isLocal == before.isLocal
      && selector == before.selector
  }

  /// Whether two Services can have one address.
  func canShare(with other: ServiceState) -> Refusal? {
    guard let sharingKey, sharingKey == other.sharingKey else {
      return Refusal(
        reason: "AddressTaken",
        message: "belongs to Service \(other.key); ask for another one, or give both Services the "
          + "same annotation \(Annotation.sharingKey)")
    }
    if let port = ports.first(where: other.ports.contains) {
      return Refusal(
        reason: "SharingRefused",
        message:
          "is shared with Service \(other.key), which has port \(port.port)/\(port.protocol), "
          + "too; take another port or another address")
    }
    // Without a selector the endpoints are made by hand, and those of two Services may differ.
    let isSamePods =
      key.namespace == other.key.namespace && selector == other.selector && !selector.isEmpty
    guard !isLocal && !other.isLocal || isLocal && other.isLocal && isSamePods else {
      return Refusal(
        reason: "SharingRefused",
        message:
          "is shared with Service \(other.key); with externalTrafficPolicy Local both need it "
          + "and the same pods by the same selector; give both the policy Cluster, or take another "
          + "address")
    }
    return nil
  }
}

/// The annotations that a Service can have.
public enum Annotation {
  /// The pools from which it wants its addresses, separated by commas.
  public static let pool = "vipctl.io/pool"
  /// The addresses that it wants, one a family, separated by commas.
  public static let addresses = "vipctl.io/addresses"
  /// A word that all Services have that share an address.
  public static let sharingKey = "vipctl.io/sharing-key"
}

/// Which addresses a Service asks for.
struct AddressRequest: Sendable, Hashable {
  var addresses: [IPAddress] = []
  var pools: [String] = []
  /// What is wrong with the request.
  var problem: String?

  init(_ service: Service) {
    let annotations = service.metadata.annotations
    pools = Self.words(annotations[Annotation.pool] ?? "")
    let asked = annotations[Annotation.addresses]
    for word in Self.words(asked ?? service.spec.loadBalancerIP ?? "") {
      let place = asked == nil ? "spec.loadBalancerIP" : "the annotation \(Annotation.addresses)"
      guard let address = IPAddress(word) else {
        problem = "'\(word.prefix(60))' in \(place) is no IP address"
        return
      }
      guard !addresses.contains(where: { $0.family == address.family }) else {
        problem = "\(place) names two addresses of one family; name one"
        return
      }
      addresses.append(address)
    }
  }

  private static func words(_ text: String) -> [String] {
    text.split { $0 == "," || $0 == " " }.prefix(100).map(String.init)
  }
}

/// What is known of a node.
struct NodeState: Sendable, Hashable {
  var labels: [String: String]
  var isEligible: Bool
  var isReady: Bool
  var isInMaintenance: Bool
  var addresses: [IPAddress]

  init(_ node: ClusterNode) {
    labels = node.metadata.labels
    isEligible = node.isEligible
    isReady = node.isReady
    isInMaintenance = node.isInMaintenance
    addresses = node.addresses
  }

  /// Whether it keeps what it has and is given nothing for the time being.
  var isResting: Bool { !isReady || isInMaintenance }
}

/// Endpoints of a Service on a node.
struct EndpointState: Sendable, Hashable {
  var node: String
  /// Whether they are about to end but serve still.
  var isTerminating: Bool
}

/// What is known of an address that is in use or on its way out of it.
struct AddressState: Sendable {
  /// The Services that have it.
  var users: [ObjectKey] = []
  /// The router that serves it.
  var router: String?
  /// The routers that serve it no more, but whose nodes may still have it.
  var leavingIn: [String] = []

  var isUnused: Bool { users.isEmpty && router == nil && leavingIn.isEmpty }
}

/// What is known of a router, and what it is to be.
struct RouterState: Sendable {
  let name: String
  var created: String
  /// The generation that the API has or will have once the last write is made.
  var generation: Int64
  /// Whether a write is on its way that has not been seen yet.
  var isAhead = false
  /// Whether a write has failed, so that nothing is written until the router has been seen again.
  var isUncertain = false
  /// Whether the API has none yet.
  var isNew = false

  let pool: String
  /// The Service whose own router it is.
  var service: ObjectKey?
  let vrid: VRID
  let interface: String?
  var settings: VirtualRouter.Settings
  var addresses: Set<IPAddress> = []
  var leaving: [IPAddress: Int64] = [:]
  var candidates: [VirtualRouter.Candidate] = []
  /// Whether a candidate only waits until another one is there.
  var hasLingering = false
  /// What is to be written.
  var pending = RouterChange()
  /// The generations with which addresses were added since this allocator began; the largest number
  /// until that is written.
  var since: [IPAddress: Int64] = [:]
  /// Addresses that the pool does not have any more.
  var outside: Set<IPAddress> = []

  var active: [AddressFamily: String] = [:]
  var acknowledgements: [String: VirtualRouter.Acknowledgement] = [:]
  var conflicts: [IPAddress: MACAddress] = [:]
  /// The condition of the speakers that another group has the VRID.
  var foreignGroup: Condition?
  /// The allocator's condition, as the API has or will have it.
  var planned: Condition?
  /// What is wrong for all Services that have addresses here.
  var problem: Refusal?
  /// The addresses that no candidate can serve, with what is said about them.
  var unusable: [IPAddress: String] = [:]
  /// The holders that are silent, by family.
  var silence: [AddressFamily: Silence] = [:]
  /// The nodes whose part of the status is being taken away.
  var forgotten: Set<String> = []

  var isShared: Bool { service == nil }
  var isEmpty: Bool { addresses.isEmpty && leaving.isEmpty }

  /// The candidate that is to hold the addresses when all are well.
  var first: VirtualRouter.Candidate? { candidates.max { $0.priority < $1.priority } }

  /// What the spec is to be in the API.
  var spec: VirtualRouter.Spec {
    VirtualRouter.Spec(
      pool: pool, service: service?.description, vrid: vrid, interface: interface,
      settings: settings, addresses: addresses.sorted(),
      leaving: leaving.map { VirtualRouter.Leaving($0.key, since: $0.value) }
        .sorted { $0.address < $1.address }, candidates: candidates)
  }
}

extension ObjectKey {
  /// Reads `NAMESPACE/NAME`.
  init?(parsing text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    self.init(String(parts[0]), String(parts[1]))
  }
}
