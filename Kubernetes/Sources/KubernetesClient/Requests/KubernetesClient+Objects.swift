import FoundationEssentials
import NIOHTTP1

// Requests about one object. Those that write read no more of the reply than what the object is
// called and which version it has: an object that can't be read has been written all the same.
extension KubernetesClient {
  /// Reads an object.
  public func get<Object>(
    _ resource: Resource<Object>, _ name: ObjectName, options: RequestOptions = .reading
  ) async throws(APIError) -> Object {
    let bytes = try await perform(
      APIRequest(method: .GET, path: resource.path(name, subresource: nil), options: options))
    return try Self.decode(bytes)
  }

  /// Makes an object, which is given whole, with `apiVersion`, `kind` and `metadata`.
  @discardableResult
  public func create<Object>(
    _ resource: Resource<Object>, in namespace: String? = nil, _ value: JSONValue,
    options: RequestOptions = .writing
  ) async throws(APIError) -> ObjectReference {
    let bytes = try await perform(
      APIRequest(
        method: .POST, path: resource.path(namespace: namespace), query: [managerItem],
        body: try value.encoded(), options: options))
    return try Self.reference(bytes)
  }

  /// Changes an object, or its status; in the name of another field manager if one is given.
  @discardableResult
  public func patch<Object>(
    _ resource: Resource<Object>, _ name: ObjectName, _ patch: Patch,
    subresource: Subresource? = nil, as manager: String? = nil, options: RequestOptions = .writing
  ) async throws(APIError) -> ObjectReference {
    var query = [manager.map { ("fieldManager", $0) } ?? managerItem]
    if case .apply(_, true) = patch { query.append(("force", "true")) }
    let bytes = try await perform(
      APIRequest(
        method: .PATCH, path: resource.path(name, subresource: subresource), query: query,
        contentType: patch.contentType, body: try patch.body(), options: options))
    return try Self.reference(bytes)
  }

  /// Deletes an object if it is the one that is meant.
  public func delete<Object>(
    _ resource: Resource<Object>, _ name: ObjectName, _ preconditions: Preconditions,
    options: RequestOptions = .writing
  ) async throws(APIError) {
    let body: JSONValue = [
      "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions.value,
    ]
    _ = try await perform(
      APIRequest(
        method: .DELETE, path: resource.path(name, subresource: nil), body: try body.encoded(),
        options: options))
  }

  private var managerItem: (String, String) { ("fieldManager", configuration.fieldManager) }

  static func decode<Value: Decodable>(
    _ bytes: [UInt8], as type: Value.Type = Value.self
  ) throws(APIError) -> Value {
    do throws(any Error) {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      throw .unreadable(describeDecoding(error))
    }
  }

  private struct Written: Decodable { var metadata: ObjectReference }

  private static func reference(_ bytes: [UInt8]) throws(APIError) -> ObjectReference {
    try decode(bytes, as: Written.self).metadata
  }

  /// One bounded sentence about a text that can't be read.
  static func describeDecoding(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "it is no JSON" }
    let (what, context): (String, DecodingError.Context) =
      switch error {
      case .typeMismatch(let type, let context): ("is no \(type)", context)
      case .valueNotFound(let type, let context): ("has no \(type)", context)
      case .keyNotFound(let key, let context): ("lacks '\(key.stringValue.prefix(60))'", context)
      case .dataCorrupted(let context): ("is unusable: \(context.debugDescription)", context)
      @unknown default: ("is unusable", .init(codingPath: [], debugDescription: ""))
      }
    let path = context.codingPath.map(\.stringValue).joined(separator: ".").prefix(200)
    return "\(path.isEmpty ? "it" : path) \(what.prefix(300))"
  }
}
