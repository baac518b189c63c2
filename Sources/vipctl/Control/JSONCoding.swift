import FoundationEssentials
import VIP
import VIPControl
import VIPHooks

/// The text form of control messages and of a status: JSON.
enum JSONCoding {
  /// One line without its end.
  static func line(_ value: some Encodable) -> [UInt8] {
    [UInt8](encoded(value, []))
  }

  /// What a script or a person reads: indented, the keys in a stable order.
  static func pretty(_ value: some Encodable) -> String {
    String(decoding: encoded(value, .prettyPrinted), as: UTF8.self)
  }

  /// The value; `nil` if the bytes are none of its kind.
  static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) -> Value? {
    try? JSONDecoder().decode(type, from: Data(bytes))
  }

  private static func encoded(
    _ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting
  ) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
    // JSON has no infinity; a clock or a caller must not be able to make this fail.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let data = try? encoder.encode(value) else {
      preconditionFailure("\(type(of: value)) encodes to JSON")
    }
    return data
  }

  /// The handler of requests that are answered with any number of lines.
  static func stream(_ line: [UInt8], of node: Node) -> AsyncStream<[UInt8]>? {
    guard case .events(follow: true) = decode(ControlRequest.self, from: line) else { return nil }
    let events = node.stampedEvents()
    return AsyncStream { continuation in
      let task = Task {
        for await event in events { continuation.yield(self.line(EventRecord(event))) }
        continuation.finish()
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  /// The handler of a node's control socket.
  static func answer(
    _ line: [UInt8], by node: Node, _ hooks: HookService, _ reloader: Reloader?
  ) async -> [UInt8] {
    guard !line.isEmpty else {
      return self.line(
        ControlReply.failed(
          ControlFailure(
            .invalid, "the request is empty or too long for the node; ask for less at a time")))
    }
    guard let request = decode(ControlRequest.self, from: line) else {
      return self.line(
        ControlReply.failed(
          ControlFailure(
            .invalid, "the node does not understand the request; is vipctl of another version?")))
    }
    guard let reloader, request == .reload || request == .dryRun(.reload) else {
      return self.line(await node.answer(request, completing: hooks.complete))
    }
    do throws(ControlFailure) {
      let report =
        request == .reload ? try await reloader.reload() : try await reloader.preview()
      guard case .done(let status) = await node.answer(.status(nil), completing: hooks.complete)
      else {
        throw ControlFailure(.shuttingDown, "the node is shutting down")
      }
      return self.line(ControlReply.changed(report, status))
    } catch {
      return self.line(ControlReply.failed(error))
    }
  }
}
