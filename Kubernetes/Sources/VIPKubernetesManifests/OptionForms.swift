// The forms of options' values.
extension Manifests.Options {
  private static func isLower(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || isDigit(byte)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  /// A label of the domain name system.
  package static func isLabel(_ text: String) -> Bool {
    let bytes = text.utf8
    guard (1...63).contains(bytes.count), let first = bytes.first, let last = bytes.last else {
      return false
    }
    return isLower(first) && isLower(last)
      && bytes.allSatisfy { isLower($0) || $0 == UInt8(ascii: "-") }
  }

  /// The name of an object: labels with dots between them.
  package static func isName(_ text: String) -> Bool {
    text.utf8.count <= 253
      && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy {
        isLabel(String($0))
      }
  }

  /// The value of a label, or the last part of its key.
  package static func isWord(_ text: String) -> Bool {
    let bytes = text.utf8
    guard (1...63).contains(bytes.count), let first = bytes.first, let last = bytes.last else {
      return false
    }
    func isEnd(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) }
    return isEnd(first) && isEnd(last)
      && bytes.allSatisfy { isEnd($0) || "-_.".utf8.contains($0) }
  }

  /// The key of a label: `[DOMAIN/]WORD`.
  package static func isQualified(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    return switch parts.count {
    case 1: isWord(parts[0])
    case 2: isName(parts[0]) && isWord(parts[1])
    default: false
    }
  }

  static func isImage(_ text: String) -> Bool {
    guard let first = text.utf8.first, let last = text.utf8.last, text.utf8.count <= 512 else {
      return false
    }
    func isEnd(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) }
    return isEnd(first) && isEnd(last)
      && text.utf8.allSatisfy { isEnd($0) || "-_./:@".utf8.contains($0) }
  }

  /// A time that the field of an advertisement can carry, as the schema of pools has it.
  static func isInterval(_ text: String) -> Bool {
    let isMilliseconds = text.hasSuffix("ms")
    guard isMilliseconds || text.hasSuffix("s") else { return false }
    let parts = text.dropLast(isMilliseconds ? 2 : 1)
      .split(separator: ".", omittingEmptySubsequences: false)
    guard (1...(isMilliseconds ? 1 : 2)).contains(parts.count),
      parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isDigit) && $0.utf8.count <= 5 }),
      parts[0] == "0" || !parts[0].hasPrefix("0"), let whole = Int(parts[0])
    else { return false }
    if isMilliseconds { return whole % 10 == 0 && (10...40_950).contains(whole) }
    guard parts.count > 1 else { return (1...40).contains(whole) }
    guard parts[1].count <= 2, let digits = Int(parts[1]) else { return false }
    return (1...4095).contains(whole * 100 + digits * (parts[1].count == 1 ? 10 : 1))
  }

  static func areVRIDs(_ text: String) -> Bool {
    text.utf8.count <= 1023
      && text.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { part in
        let ends = part.split(separator: "-", omittingEmptySubsequences: false)
        let numbers = ends.compactMap { end -> UInt8? in
          end.utf8.allSatisfy(isDigit) && !end.hasPrefix("0") ? UInt8(end) : nil
        }
        return numbers.count == ends.count && (1...2).contains(ends.count)
          && numbers[0] <= numbers[numbers.count - 1]
      }
  }

  /// `HOST:PORT`, with brackets around an IPv6 address.
  static func isEndpoint(_ text: String) -> Bool {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
      port > 0
    else { return false }
    let host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      let address = host.dropFirst().dropLast().utf8
      return address.contains(UInt8(ascii: ":"))
        && address.allSatisfy { isDigit($0) || "abcdefABCDEF:.".utf8.contains($0) }
    }
    return isName(host.lowercased())
  }

  /// An IPv4 or IPv6 address.
  static func isAddress(_ text: String) -> Bool {
    if text.utf8.contains(UInt8(ascii: ":")) {
      return text.utf8.count <= 45
        && text.utf8.allSatisfy { isDigit($0) || "abcdefABCDEF:.".utf8.contains($0) }
    }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy(isDigit) && UInt8($0) != nil }
  }

  static func isPath(_ text: String) -> Bool {
    text.hasPrefix("/") && text.utf8.count > 1 && text.utf8.count <= 1024
      && text.utf8.allSatisfy { isLetter($0) || isDigit($0) || "/-_.".utf8.contains($0) }
      && text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
  }

  static func isQuantity(_ text: String) -> Bool {
    let units = ["", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"]
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    return (1...12).contains(digits.count) && digits.contains { $0 != "0" }
      && units.contains(String(text.dropFirst(digits.count)))
  }
}
