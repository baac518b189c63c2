public import VIPCore

/// One request to the API server that the allocator wants made.
///
/// The order of a plan's writes matters: what any number of them from the beginning on leave behind
/// is a safe state, from which the next plan goes on.
public enum Write: Sendable, Hashable {
  /// Gives a Service its addresses and condition, in its status.
  case service(ObjectKey, basedOn: ServiceVersion, ServiceUpdate)
  /// Makes a VirtualRouter.
  case createRouter(String, VirtualRouter.Spec)
  /// Changes the spec of a VirtualRouter that is still of the generation on which the plan is
  /// based.
  ///
  /// Not of the version, which each news of a node changes, too.
  case changeRouter(String, basedOn: Int64, RouterChange)
  /// Removes a VirtualRouter that is still of that generation.
  case deleteRouter(String, basedOn: Int64)
  /// Writes one condition into the status of a VirtualRouter.
  case routerCondition(String, Condition)
  /// Takes away what a node that is gone has said in the status of a VirtualRouter.
  case forgetNode(String, node: String)
  /// Writes the status of an AddressPool.
  case poolStatus(String, AddressPool.Status)
  /// Tells people.
  case event(Event)
}

/// The Service on which a plan is based; a write to any other one fails.
public struct ServiceVersion: Sendable, Hashable {
  /// What tells it from a later Service of the same name.
  public var uid: String
  /// Its version; `nil` if it is that in which the allocator's last write has resulted.
  public var resourceVersion: String?

  /// Makes a version.
  public init(uid: String, resourceVersion: String?) {
    self.uid = uid
    self.resourceVersion = resourceVersion
  }
}

/// What the status of a Service is to say; `nil` as condition takes it away.
public struct ServiceUpdate: Sendable, Hashable {
  /// The addresses, in the order of the Service's families.
  public var ingress: [IPAddress]
  /// The condition of this project.
  public var condition: Condition?

  /// Makes an update.
  public init(ingress: [IPAddress] = [], condition: Condition? = nil) {
    self.ingress = ingress
    self.condition = condition
  }
}

/// What is to become different in the spec of a VirtualRouter.
public struct RouterChange: Sendable, Hashable {
  /// The Service whose own router it is from now on.
  public var service: String?
  /// How it is run from now on.
  public var settings: VirtualRouter.Settings?
  /// Addresses that it serves from now on.
  public var added: [IPAddress] = []
  /// Addresses that it serves no more, but that nodes may still have.
  public var leaving: [VirtualRouter.Leaving] = []
  /// Addresses that all nodes have let go of.
  public var gone: [IPAddress] = []
  /// Its candidates from now on.
  public var candidates: [VirtualRouter.Candidate]?

  /// Makes a change of nothing.
  public init() {}

  /// Whether nothing becomes different.
  public var isEmpty: Bool { self == RouterChange() }
}

extension VirtualRouter.Spec {
  /// Makes a change.
  public mutating func apply(_ change: RouterChange) {
    if let service = change.service { self.service = service }
    if let settings = change.settings { self.settings = settings }
    let left = Set(change.leaving.map(\.address))
    if !left.isEmpty { addresses.removeAll { left.contains($0) } }
    let gone = Set(change.gone)
    if !gone.isEmpty { leaving.removeAll { gone.contains($0.address) } }
    leaving += change.leaving
    addresses += change.added
    if let candidates = change.candidates { self.candidates = candidates }
  }
}

/// What people are told about an object.
public struct Event: Sendable, Hashable {
  /// The kind of the object.
  public enum Subject: Sendable, Hashable {
    /// A Service.
    case service(ObjectKey)
    /// A VirtualRouter.
    case router(String)
    /// An AddressPool.
    case pool(String)
  }

  /// The object.
  public var subject: Subject
  /// Whether something has to be done about it.
  public var isWarning: Bool
  /// One word for what has happened.
  public var reason: String
  /// A sentence for people.
  public var message: String

  /// Makes an event.
  public init(_ subject: Subject, isWarning: Bool = false, reason: String, message: String) {
    self.subject = subject
    self.isWarning = isWarning
    self.reason = reason
    self.message = message
  }
}

/// Why a Service does not get what it asks for.
struct Refusal: Error, Sendable, Hashable {
  /// One word.
  var reason: String
  /// A sentence with the remedy.
  var message: String
  /// What may change so that it is worth another attempt; changes of the Service itself always are.
  var waits: [WaitKey] = []
}

/// Something that a Service may wait for.
enum WaitKey: Sendable, Hashable {
  /// That an address becomes free.
  case address(IPAddress)
  /// That a pool gets a free address of a family.
  case pool(String, AddressFamily)
  /// That a VRID becomes free.
  case vrid
  /// That there is a pool, or one changes.
  case anyPool
  /// That Services with a sharing key get an address, or can share theirs with others.
  case sharing(String)
}
