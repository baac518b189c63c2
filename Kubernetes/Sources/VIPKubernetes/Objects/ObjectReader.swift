import FoundationEssentials

/// Why a text is no object that could be used.
public struct ObjectError: Error, Sendable, Hashable, CustomStringConvertible {
  /// One sentence that says what is wrong and where.
  public let description: String

  /// Makes an error.
  public init(_ description: String) { self.description = description }
}

/// Reads and writes objects as the API server has them.
///
/// Fields that are not used are skipped, whatever they are. One that is used and has another type
/// than the API's makes the object unreadable and no other.
public enum ObjectReader {
  /// The longest text that is read; the API server itself takes no object of half that size.
  public static let byteCountMax = 8 << 20

  /// Reads an object.
  public static func read<Object: Decodable>(
    _ type: Object.Type = Object.self, from bytes: [UInt8]
  ) throws(ObjectError) -> Object {
    guard bytes.count <= byteCountMax else {
      throw ObjectError("the object has \(bytes.count) bytes, more than \(byteCountMax)")
    }
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch let error as DecodingError {
      throw ObjectError(describe(error))
    } catch {
      throw ObjectError("the object is no JSON: \(error)")
    }
  }

  /// Writes an object, with its keys in order.
  public static func write(_ object: some Encodable) throws(ObjectError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return [UInt8](try encoder.encode(object))
    } catch {
      throw ObjectError("the object can't be written: \(error)")
    }
  }

  private static func describe(_ error: DecodingError) -> String {
    let (what, context): (String, DecodingError.Context) =
      switch error {
      case .typeMismatch(let type, let context): ("is no \(type)", context)
      case .valueNotFound(let type, let context): ("has no \(type)", context)
      case .keyNotFound(let key, let context): ("lacks '\(key.stringValue)'", context)
      case .dataCorrupted(let context): ("is unusable: \(context.debugDescription)", context)
      @unknown default: ("is unusable", .init(codingPath: [], debugDescription: ""))
      }
    // A path comes from the object's own keys, which may be long.
    let path = context.codingPath.map(\.stringValue).joined(separator: ".").prefix(200)
    return "the object\(path.isEmpty ? "" : "'s \(path)") \(what.prefix(300))"
  }
}

extension KeyedDecodingContainer {
  /// Reads a list that may be absent, and refuses one that is longer than the API allows.
  func list<Element: Decodable>(
    _ key: Key, atMost limit: Int, of type: Element.Type = Element.self
  ) throws -> [Element] {
    guard contains(key), try !decodeNil(forKey: key) else { return [] }
    var container = try nestedUnkeyedContainer(forKey: key)
    var elements: [Element] = []
    while !container.isAtEnd {
      guard elements.count < limit else {
        throw DecodingError.dataCorruptedError(
          forKey: key, in: self, debugDescription: "there are more than \(limit) entries")
      }
      elements.append(try container.decode(type))
    }
    return elements
  }
}
