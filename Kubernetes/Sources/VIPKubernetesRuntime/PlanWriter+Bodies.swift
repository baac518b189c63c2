import KubernetesClient
import VIPCore
import VIPKubernetes

// What stands in the requests.
extension PlanWriter {
  /// The status of a Service, for a server-side apply, which leaves the conditions of others alone.
  ///
  /// The address list is one value for the API, and stands there also if it is empty, so that one
  /// that another program has set goes.
  mutating func serviceBody(
    _ key: ObjectKey, uid: String, _ resourceVersion: String, _ update: ServiceUpdate
  ) throws(APIError) -> JSONValue {
    let conditions: [JSONValue] =
      update.condition.map {
        [conditionTimes.body(of: $0, in: .service(key), now: MicroTime.seconds())]
      } ?? []
    let ingress = update.ingress.map { address -> JSONValue in
      ["ip": .string(address.description), "ipMode": "VIP"]
    }
    return [
      "apiVersion": "v1", "kind": "Service",
      "metadata": [
        "name": .string(key.name), "namespace": .string(key.namespace), "uid": .string(uid),
        "resourceVersion": .string(resourceVersion),
      ],
      "status": [
        "loadBalancer": ["ingress": .array(ingress)], "conditions": .array(conditions),
      ],
    ]
  }

  mutating func conditionBody(
    _ name: String, _ condition: Condition
  ) throws(APIError) -> JSONValue {
    let condition = conditionTimes.body(
      of: condition, in: .router(name), now: MicroTime.seconds())
    var body = routerBody(name)
    body["status"] = ["conditions": [condition]]
    return .object(body)
  }

  /// The body of an apply to a router that says nothing of it.
  func routerBody(_ name: String) -> [String: JSONValue] {
    var metadata: [String: JSONValue] = ["name": .string(name)]
    if let uid = routers[name]?.uid { metadata["uid"] = .string(uid) }
    return [
      "apiVersion": .string(API.groupVersion), "kind": "VirtualRouter",
      "metadata": .object(metadata),
    ]
  }

  mutating func poolBody(
    _ name: String, _ status: AddressPool.Status
  ) throws(APIError) -> JSONValue {
    let now = MicroTime.seconds()
    let conditions = status.conditions.map {
      conditionTimes.body(of: $0, in: .pool(name), now: now)
    }
    return [
      "capacity": .string(status.capacity), "used": .integer(Int64(status.used)),
      "freeVRIDs": .integer(Int64(status.freeVRIDs)), "conditions": .array(conditions),
    ]
  }
}

extension Event.Subject {
  var name: String {
    switch self {
    case .service(let key): key.name
    case .router(let name), .pool(let name): name
    }
  }

  /// The beginning of the names of its events, which has to end like a name.
  var eventPrefix: Substring {
    var start = name.prefix(200)
    while let last = start.last, !last.isLetter, !last.isNumber { start.removeLast() }
    return start
  }

  /// Where its events are kept.
  var eventNamespace: String {
    if case .service(let key) = self { key.namespace } else { "default" }
  }

  var reference: [String: JSONValue] {
    switch self {
    case .service(let key):
      [
        "apiVersion": "v1", "kind": "Service", "name": .string(key.name),
        "namespace": .string(key.namespace),
      ]
    case .router(let name):
      [
        "apiVersion": .string(API.groupVersion), "kind": "VirtualRouter", "name": .string(name),
      ]
    case .pool(let name):
      ["apiVersion": .string(API.groupVersion), "kind": "AddressPool", "name": .string(name)]
    }
  }
}

/// When conditions have last changed between true and false, as far as this process has seen it.
struct ConditionTimes: Sendable {
  private var known: [Event.Subject: [String: (status: String, time: String)]] = [:]

  /// A condition as the API has it, with the time of its last change.
  mutating func body(of condition: Condition, in subject: Event.Subject, now: String) -> JSONValue {
    let before = known[subject]?[condition.type]
    let time = before.flatMap { $0.status == condition.status ? $0.time : nil } ?? now
    known[subject, default: [:]][condition.type] = (condition.status, time)
    return [
      "type": .string(condition.type), "status": .string(condition.status),
      "reason": .string(condition.reason), "message": .string(condition.message),
      "lastTransitionTime": .string(time),
    ]
  }

  mutating func forget(_ subject: Event.Subject) { known[subject] = nil }
}

extension MicroTime {
  /// The time that the machine's clock shows, in whole seconds.
  static func seconds() -> String { String(now().prefix(19)) + "Z" }
}
