/// Decodes a value from its text, with an error that says what the text should have been.
package func decodeText<Value: LosslessStringConvertible>(
  from decoder: any Decoder, what: String
) throws -> Value {
  let container = try decoder.singleValueContainer()
  let text = try container.decode(String.self)
  guard let value = Value(text) else {
    throw DecodingError.dataCorruptedError(
      in: container, debugDescription: "'\(text)' is not \(what)")
  }
  return value
}

/// Encodes a value as its text.
package func encodeText(_ text: String, to encoder: any Encoder) throws {
  var container = encoder.singleValueContainer()
  try container.encode(text)
}
