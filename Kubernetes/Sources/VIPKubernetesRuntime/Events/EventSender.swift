import KubernetesClient
import VIPKubernetes

/// Makes the writes of an ``EventBook``.
struct EventSender: Sendable {
  let client: KubernetesClient
  /// The part of this project that tells.
  let controller: String
  /// The part of this program in events.
  let instance: String

  /// A name for the object of an event.
  func name(of event: Event) -> String {
    "\(event.subject.eventPrefix).\(String(UInt64.random(in: 0...(.max)), radix: 16))"
  }

  /// Makes a write; an event is no state, so that it is not made again if it fails.
  func send(_ entry: EventBook.Entry, options: RequestOptions) async throws(APIError) {
    switch entry {
    case .create(let name, let told):
      try await client.create(
        .events, in: told.event.subject.eventNamespace, body(of: told, named: name),
        options: options)
    case .count(let name, let told, let count):
      // Nothing else of an event can be changed.
      try await client.patch(
        .events, ObjectName(name, in: told.event.subject.eventNamespace),
        .merge([
          "series": [
            "count": .integer(Int64(count)), "lastObservedTime": .string(MicroTime.now()),
          ]
        ]), options: options)
    }
  }

  private func body(of told: EventBook.Told, named name: String) -> JSONValue {
    let event = told.event
    let subject = event.subject
    var regarding = subject.reference
    if let uid = told.uid { regarding["uid"] = .string(uid) }
    return [
      "apiVersion": "events.k8s.io/v1", "kind": "Event",
      "metadata": ["name": .string(name), "namespace": .string(subject.eventNamespace)],
      "eventTime": .string(MicroTime.now()),
      "reportingController": .string(controller),
      "reportingInstance": .string(String(instance.prefix(128))),
      "action": .string(event.reason), "reason": .string(event.reason),
      "regarding": .object(regarding),
      // The API takes 1,024 bytes; a character has four at most.
      "note": .string(
        event.message.utf8.count <= 1024 ? event.message : String(event.message.prefix(250))),
      "type": event.isWarning ? "Warning" : "Normal",
    ]
  }
}
