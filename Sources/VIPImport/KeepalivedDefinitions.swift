/// The definitions `$NAME=value`, those that are always there, and whose lines of several machines
/// are read.
///
/// What is replaced may name others, with the values that they have then. A name that is not
/// defined stays as it is.
struct KeepalivedDefinitions {
  /// The name of the machine whose lines are read.
  let configID: String
  /// The folder of the file that is being read.
  var folder = ""
  /// Whether a line has asked whose it is.
  private(set) var hasAsked = false
  private var values: [String: [UInt8]] = [:]

  init(configID: String) {
    self.configID = configID
  }

  mutating func define(_ name: String, as value: some Sequence<UInt8>) {
    values[name] = Array(value)
  }

  func value(of name: String) -> [UInt8]? {
    if let value = values[name] { return value }
    return switch name {
    case "_PWD": Array(folder.utf8)
    case "_INSTANCE": Array(configID.utf8)
    case "_HASH": [UInt8(ascii: "#")]
    case "_BANG": [UInt8(ascii: "!")]
    default: nil
    }
  }

  /// Whether a line holds here that begins with `@NAME` or `@^NAME`.
  mutating func holds(_ condition: some Sequence<UInt8>) -> Bool {
    hasAsked = true
    let name = String(decoding: Array(condition.dropFirst()), as: UTF8.self)
    return name.hasPrefix("^") ? name.dropFirst() != configID : name == configID
  }

  /// The name at the beginning of a text and what follows it; `nil` if there is none.
  ///
  /// As in keepalived, `${NAME}` is one anywhere, and `$NAME` where white space or the end follows.
  static func name(_ text: ArraySlice<UInt8>) -> (name: String, rest: ArraySlice<UInt8>)? {
    guard let (start, name, isBraced) = nameStart(text) else { return nil }
    var rest = text[(start + name.count)...]
    if isBraced {
      guard rest.popFirst() == UInt8(ascii: "}") else { return nil }
    } else {
      guard rest.first.map(isBlank) ?? true else { return nil }
    }
    return (String(decoding: name, as: UTF8.self), rest)
  }

  /// The name that a text defines, and what it has before the value; `nil` if it defines none.
  static func definition(_ text: ArraySlice<UInt8>) -> (name: String, value: ArraySlice<UInt8>)? {
    guard let (start, name, isBraced) = nameStart(text), !isBraced else { return nil }
    let rest = text[(start + name.count)...]
    guard rest.first == UInt8(ascii: "=") else { return nil }
    return (String(decoding: name, as: UTF8.self), rest.dropFirst())
  }

  private static func nameStart(
    _ text: ArraySlice<UInt8>
  ) -> (start: Int, name: ArraySlice<UInt8>, isBraced: Bool)? {
    guard text.first == UInt8(ascii: "$") else { return nil }
    var rest = text.dropFirst()
    let isBraced = rest.first == UInt8(ascii: "{")
    if isBraced { rest = rest.dropFirst() }
    let name = rest.prefix(while: isPartOfName)
    return name.isEmpty ? nil : (rest.startIndex, name, isBraced)
  }

  private static func isPartOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  static func isBlank(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): true
    default: false
    }
  }
}
