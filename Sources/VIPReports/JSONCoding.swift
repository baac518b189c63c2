import FoundationEssentials

/// JSON as the control socket, the reports and the log have it: keys in a stable order, no line
/// feed but in what people read.
public enum JSONCoding {
  /// One line without its end.
  public static func line(_ value: some Encodable) -> [UInt8] {
    [UInt8](encoded(value, []))
  }

  /// Text for a script or a person: indented, the keys in a stable order.
  public static func pretty(_ value: some Encodable) -> String {
    String(decoding: encoded(value, .prettyPrinted), as: UTF8.self)
  }

  /// The value; `nil` if the bytes are none of its kind.
  public static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) -> Value? {
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
}
