public import VIPControl
import VIPCore

/// The status of a node as a block for each router, whose lines are wrapped: which machine holds the
/// addresses, since when, why, and whether it works.
public struct StatusBlocks: Sendable {
  /// The most columns of text; `nil` if lines may be as long as they are.
  public var width: Int?
  /// Whether states are coloured.
  public var colour: Bool
  /// The most lines; `nil` if there may be as many as there are.
  ///
  /// Where there is no room for the blocks, a line for each router stands for them.
  public var height: Int?

  /// Makes a form of a size.
  public init(width: Int?, colour: Bool, height: Int? = nil) {
    self.width = width
    self.colour = colour
    self.height = height
  }

  /// The columns before the text of a family.
  private static let indent = String(repeating: " ", count: 8)

  /// The blocks as lines without the last line feed.
  public func render(_ status: NodeRecord) -> String {
    let table = StatusTable(width: width, colour: colour, height: height)
    guard !status.routers.isEmpty else { return table.render(status) }
    var lines: [String] = []
    var before: RouterRecord?
    for router in status.routers {
      let isSame =
        before.map {
          $0.name == router.name && $0.interface == router.interface && $0.vrid == router.vrid
        } ?? false
      if !isSame { lines += wrap(title(router), indent: "  ") }
      lines += family(router)
      before = router
    }
    let warnings = StatusWords.warnings(status).flatMap { wrap($0, indent: "  ") }
    if !warnings.isEmpty { lines += [""] + warnings }
    if let height, lines.count > height { return table.render(status) }
    return lines.joined(separator: "\n")
  }

  private func title(_ router: RouterRecord) -> String {
    let group = router.group.map { ", group \($0.onOneLine)" } ?? ""
    return "\(router.name.onOneLine) on \(router.interface.onOneLine), VRID \(router.vrid), "
      + "priority \(router.priority)\(group)"
  }

  private func family(_ router: RouterRecord) -> [String] {
    let mark = router.warnings.isEmpty ? "" : "!"
    let state = StatusWords.state(router.state) + mark
    let effective =
      router.effectivePriority == router.priority
      ? "" : ", priority \(router.effectivePriority) now"
    let first =
      "  \(router.family.rawValue)  \(state) for \(StatusTable.age(router.secondsInState)), since "
      + "\(LocalTime.text(router.since))\(effective): \(StatusWords.holder(router))"
    var lines = wrap(first, indent: Self.indent)
    lines += wrap("\(Self.indent)why: \(StatusWords.reason(router))", indent: Self.indent + "  ")
    lines += wrap("\(Self.indent)works: \(StatusWords.outlook(router))", indent: Self.indent + "  ")
    guard colour, let place = lines[0].firstRange(of: state) else { return lines }
    lines[0].replaceSubrange(
      place,
      with: StatusTable(width: nil, colour: true).coloured(router.state, mark: mark))
    return lines
  }

  private func wrap(_ text: String, indent: String) -> [String] {
    guard let width else { return [text] }
    return Self.wrap(text, to: width, indent: indent)
  }

  /// Breaks a text between words; the lines after the first are indented.
  ///
  /// Spaces at its beginning stay, and a word that is wider than a line is cut.
  static func wrap(_ text: String, to width: Int, indent: String) -> [String] {
    guard text.count > width else { return [text] }
    let indent = indent.count < width ? indent : ""
    var lines: [String] = []
    var line = String(text.prefix { $0 == " " })
    var isEmpty = true
    for word in text.dropFirst(line.count).split(separator: " ", omittingEmptySubsequences: false) {
      if !isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        (line, isEmpty) = (indent, true)
      }
      line += (isEmpty ? "" : " ") + word
      isEmpty = false
    }
    lines.append(line)
    return lines.map { $0.count <= width ? $0 : String($0.prefix(max(width - 1, 0))) + "…" }
  }
}
