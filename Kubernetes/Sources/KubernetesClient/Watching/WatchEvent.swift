import FoundationEssentials

/// What a watch says.
public enum WatchEvent<Object: Decodable & Sendable>: Sendable {
  /// An object is new.
  case added(Readable<Object>)
  /// An object has changed.
  case modified(Readable<Object>)
  /// An object is gone; its version is that of its end.
  case deleted(ObjectReference)
  /// All changes up to a version have been said.
  case bookmark(resourceVersion: String)
  /// The watch can't go on; with 410 it has to begin with a new list.
  case error(APIStatus)
  /// A line that is no event, or is longer than what is read: what it was about is not known.
  case unreadable(problem: String)
}

extension WatchEvent: Decodable {
  private enum CodingKeys: String, CodingKey { case type, object }
  private struct Head: Decodable { var metadata: ObjectReference }
  private struct Bookmark: Decodable {
    struct Metadata: Decodable { var resourceVersion: String }
    var metadata: Metadata
  }

  /// Reads an event; one of a type that is not known has the error `UnknownEvent`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    switch try container.decode(String.self, forKey: .type) {
    case "ADDED": self = .added(try container.decode(Readable<Object>.self, forKey: .object))
    case "MODIFIED": self = .modified(try container.decode(Readable<Object>.self, forKey: .object))
    case "DELETED": self = .deleted(try container.decode(Head.self, forKey: .object).metadata)
    case "BOOKMARK":
      let bookmark = try container.decode(Bookmark.self, forKey: .object)
      self = .bookmark(resourceVersion: bookmark.metadata.resourceVersion)
    case "ERROR": self = .error(try container.decode(APIStatus.self, forKey: .object))
    default: throw UnknownEvent()
    }
  }

  /// Reads a line of a watch; `nil` for an event of a type that is not known.
  static func read(_ line: LineSplitter.Line, byteCountMax: Int) -> WatchEvent? {
    guard case .text(let bytes) = line else {
      return .unreadable(problem: "an event has more than \(byteCountMax) bytes")
    }
    do throws(any Error) {
      return try JSONDecoder().decode(WatchEvent.self, from: Data(bytes))
    } catch is UnknownEvent {
      return nil
    } catch {
      return .unreadable(problem: KubernetesClient.describeDecoding(error))
    }
  }
}

/// An event of a type that this client does not know.
struct UnknownEvent: Error {}
