import CYAML

/// Reads a YAML text event by event.
///
/// All calls of libyaml are in this file, and no type of it leaves it.
final class YAMLParser {
  /// One step through the text.
  struct Event {
    enum Kind {
      case streamStart, streamEnd
      case documentStart, documentEnd
      case scalar(String, quoted: Bool)
      case listStart, listEnd
      case mapStart, mapEnd
      case alias(String)
    }

    var kind: Kind
    var place: Place
    /// The name by which aliases repeat the value.
    var anchor: String?
  }

  /// The most lines that begin as directives do.
  ///
  /// No file needs any; the library compares each one with all before it.
  static let directiveCountMax = 16

  // The parser has pointers to itself and to the text, so neither may move.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let text: UnsafeMutableBufferPointer<UInt8>

  /// Takes a text; a byte order mark before it has no place of its own.
  init(_ text: String) throws(Diagnostic) {
    var bytes = text.utf8[...]
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    try Self.refuseDirectives(bytes)
    // Never without an address, however short the text is.
    self.text = .allocate(capacity: bytes.count + 1)
    _ = self.text.initialize(from: bytes + [0])
    parser = .allocate(capacity: 1)
    parser.initialize(to: yaml_parser_t())
    guard yaml_parser_initialize(parser) == 1 else { throw Self.noMemory }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, self.text.baseAddress, bytes.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
    text.deallocate()
  }

  /// Reads the next event; none may be asked for after the end of the stream.
  func next() throws(Diagnostic) -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw fault() }
    defer { yaml_event_delete(&event) }
    let place = Place(line: event.start_mark.line + 1, column: event.start_mark.column + 1)
    let data = event.data
    switch event.type {
    case YAML_STREAM_START_EVENT: return Event(kind: .streamStart, place: place)
    case YAML_DOCUMENT_START_EVENT: return Event(kind: .documentStart, place: place)
    case YAML_DOCUMENT_END_EVENT: return Event(kind: .documentEnd, place: place)
    case YAML_ALIAS_EVENT:
      return Event(kind: .alias(Self.name(data.alias.anchor) ?? ""), place: place)
    case YAML_SCALAR_EVENT:
      let bytes = UnsafeBufferPointer(start: data.scalar.value, count: data.scalar.length)
      let isQuoted =
        data.scalar.style != YAML_PLAIN_SCALAR_STYLE && data.scalar.style != YAML_ANY_SCALAR_STYLE
      return Event(
        kind: .scalar(String(decoding: bytes, as: UTF8.self), quoted: isQuoted), place: place,
        anchor: Self.name(data.scalar.anchor))
    case YAML_SEQUENCE_START_EVENT:
      return Event(kind: .listStart, place: place, anchor: Self.name(data.sequence_start.anchor))
    case YAML_SEQUENCE_END_EVENT: return Event(kind: .listEnd, place: place)
    case YAML_MAPPING_START_EVENT:
      return Event(kind: .mapStart, place: place, anchor: Self.name(data.mapping_start.anchor))
    case YAML_MAPPING_END_EVENT: return Event(kind: .mapEnd, place: place)
    default: return Event(kind: .streamEnd, place: place)
    }
  }

  private static func name(_ text: UnsafeMutablePointer<UInt8>?) -> String? {
    text.map { String(cString: UnsafePointer($0)) }
  }
}

// MARK: - What is wrong

extension YAMLParser {
  private static let noMemory = Diagnostic(nil, "not enough memory to parse the file")

  private func fault() -> Diagnostic {
    let problem = parser.pointee.problem.map { String(cString: $0) } ?? "it can't be parsed"
    switch parser.pointee.error {
    case YAML_MEMORY_ERROR: return Self.noMemory
    case YAML_READER_ERROR:
      return Diagnostic(place(ofByte: parser.pointee.problem_offset), "not valid YAML: \(problem)")
    default:
      let mark = parser.pointee.problem_mark
      let place = Place(line: mark.line + 1, column: mark.column + 1)
      if isIndentedWithTab(line: place.line) {
        return Diagnostic(place, "not valid YAML: indent with spaces, not with tabs")
      }
      let context = parser.pointee.context.map { " " + String(cString: $0) } ?? ""
      return Diagnostic(place, "not valid YAML: \(problem)\(context)")
    }
  }

  private func isIndentedWithTab(line: Int) -> Bool {
    let lines = text.split(
      separator: UInt8(ascii: "\n"), maxSplits: line, omittingEmptySubsequences: false)
    guard lines.indices.contains(line - 1) else { return false }
    return lines[line - 1].prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      .contains(UInt8(ascii: "\t"))
  }

  private func place(ofByte offset: Int) -> Place {
    let before = text.prefix(offset)
    let newline = UInt8(ascii: "\n")
    let start = before.lastIndex(of: newline).map { $0 + 1 } ?? before.startIndex
    let line = before.reduce(1) { $1 == newline ? $0 + 1 : $0 }
    let characters = String(decoding: before[start...], as: UTF8.self).unicodeScalars
    return Place(line: line, column: characters.count + 1)
  }

  private static func refuseDirectives(_ text: Substring.UTF8View) throws(Diagnostic) {
    var count = 0
    var line = 1
    var previous = UInt8(ascii: "\n")
    for byte in text {
      if byte == UInt8(ascii: "%"), previous == UInt8(ascii: "\n") { count += 1 }
      guard count <= directiveCountMax else {
        throw Diagnostic(
          Place(line: line, column: 1),
          "more than \(directiveCountMax) directives (lines that begin with %); remove them")
      }
      if byte == UInt8(ascii: "\n") { line += 1 }
      previous = byte
    }
  }
}
