import VIP
public import VIPControl
import VIPCore
import VRRP

/// The status of a node as a table, a line for each router and family.
///
/// Colour repeats what the words say; without it nothing is lost.
public struct StatusTable: Sendable {
  /// The most columns of text; `nil` if lines may be as long as they are.
  public var width: Int?
  /// Whether states are coloured.
  public var colour: Bool
  /// The most lines; `nil` if there may be as many as there are.
  ///
  /// What needs attention comes before what is as it should be.
  public var height: Int?

  /// Makes a table of a size.
  public init(width: Int?, colour: Bool, height: Int? = nil) {
    self.width = width
    self.colour = colour
    self.height = height
  }

  /// The columns in their order.
  private enum Column: String, CaseIterable {
    case name = "NAME"
    case group = "GROUP"
    case interface = "IF"
    case vrid = "VRID"
    case family = "FAMILY"
    case state = "STATE"
    case priority = "PRIO"
    case activeRouter = "ACTIVE"
    case addresses = "ADDRESSES"
    case age = "FOR"
    case reason = "WHY"

    /// The columns that a narrow screen does without, first things first.
    static let expendable: [Column] = [
      .reason, .activeRouter, .priority, .vrid, .interface, .group,
    ]
  }

  /// A reason shorter than this says nothing.
  private static let reasonWidthMin = 16
  private static let gap = 2

  /// The table as lines without the last line feed.
  public func render(_ status: NodeRecord) -> String {
    var warnings = fitting(StatusWords.warnings(status))
    if !warnings.isEmpty { warnings.insert("", at: 0) }
    guard !status.routers.isEmpty else {
      let text = "The node (pid \(status.node.pid)) has no virtual routers."
      return ([text] + warnings).joined(separator: "\n")
    }
    let shown = fitting(status.routers, beside: warnings.count)
    var lines = table(shown)
    let hidden = status.routers.count - shown.count
    if hidden > 0 {
      let states = [VirtualRouter.State.active, .backup, .initialize].compactMap { state in
        let count =
          status.routers.count { $0.state == state } - shown.count { $0.state == state }
        return count > 0 ? "\(count) \(StatusWords.state(state))" : nil
      }
      lines.append(
        Self.shorten("… and \(hidden) more: \(states.joined(separator: ", "))", to: width ?? .max))
    }
    return (lines + warnings).joined(separator: "\n")
  }

  /// The warnings that not quite half of the screen has room for.
  ///
  /// They are read to their end: here they are broken into lines, elsewhere a terminal may do that.
  private func fitting(_ warnings: [String]) -> [String] {
    guard let height, let width else { return warnings }
    var lines: [String] = []
    for (index, warning) in warnings.enumerated() {
      let wrapped = Self.wrap(warning, to: width)
      let rest = warnings.count - index
      guard lines.count + wrapped.count + (rest > 1 ? 1 : 0) <= max(height / 2 - 1, 1) else {
        let more = "! \(rest)\(lines.isEmpty ? "" : " more") warning\(rest == 1 ? "" : "s")"
        return lines + [Self.shorten(more, to: width)]
      }
      lines += wrapped
    }
    return lines
  }

  /// The routers there is room for, in their order.
  private func fitting(_ routers: [RouterRecord], beside others: Int) -> [RouterRecord] {
    guard let height, routers.count + 1 + others > height else { return routers }
    // One line for the header, one for what is left out.
    let room = max(height - others - 2, 1)
    let urgent = routers.indices.filter {
      routers[$0].state == .initialize || !routers[$0].warnings.isEmpty
    }
    let rest = Set(routers.indices).subtracting(urgent).sorted()
    return (urgent + rest).prefix(room).sorted().map { routers[$0] }
  }

  /// Breaks a text between words; the lines after the first are indented.
  static func wrap(_ text: String, to width: Int) -> [String] {
    StatusBlocks.wrap(text, to: width, indent: "  ")
  }

  private func table(_ routers: [RouterRecord]) -> [String] {
    let rows = routers.map { router in
      Dictionary(uniqueKeysWithValues: Column.allCases.map { ($0, Self.cell($0, router)) })
    }
    let hasGroups = routers.contains { $0.group != nil }
    var columns = Column.allCases.filter { hasGroups || $0 != .group }
    var widths: [Column: Int] = [:]
    for column in columns {
      widths[column] =
        rows.reduce(column.rawValue.count) { max($0, $1[column]?.count ?? 0) }
    }
    fit(&columns, &widths)

    var lines = [line(columns, widths) { $0.rawValue }]
    for (router, row) in zip(routers, rows) {
      lines.append(line(columns, widths, state: router.state) { row[$0] ?? "" })
    }
    return lines
  }

  /// Shortens the reason, then leaves out columns, until a line fits.
  private func fit(_ columns: inout [Column], _ widths: inout [Column: Int]) {
    guard let width else { return }
    func total() -> Int {
      columns.reduce((columns.count - 1) * Self.gap) { $0 + (widths[$1] ?? 0) }
    }
    for column in Column.expendable {
      let excess = total() - width
      guard excess > 0 else { return }
      let room = (widths[column] ?? 0) - excess
      if column == .reason, room >= Self.reasonWidthMin {
        widths[column] = room
        return
      }
      columns.removeAll { $0 == column }
    }
  }

  private func line(
    _ columns: [Column], _ widths: [Column: Int], state: VirtualRouter.State? = nil,
    _ text: (Column) -> String
  ) -> String {
    var line = ""
    var used = 0
    for column in columns {
      let room = min(widths[column] ?? 0, (width ?? .max) - used)
      guard room > 0 else { break }
      let cell = Self.shorten(text(column), to: room)
      let isLast = column == columns.last
      let padding = isLast ? "" : String(repeating: " ", count: room - cell.count + Self.gap)
      line += column == .state ? coloured(cell, state) + padding : cell + padding
      used += room + Self.gap
    }
    while line.last == " " { line.removeLast() }
    return line
  }

  /// A state as it stands in the table.
  func coloured(_ state: VirtualRouter.State, mark: String = "") -> String {
    coloured(StatusWords.state(state) + mark, state)
  }

  private func coloured(_ cell: String, _ state: VirtualRouter.State?) -> String {
    guard colour, let state else { return cell }
    let code =
      switch state {
      case .active: "32"
      case .backup: "36"
      case .initialize: "33"
      }
    return "\u{1B}[\(code)m\(cell)\u{1B}[0m"
  }

  private static func cell(_ column: Column, _ router: RouterRecord) -> String {
    switch column {
    case .name: router.name.onOneLine
    case .group: router.group?.onOneLine ?? "-"
    case .interface: router.interface.onOneLine
    case .vrid: router.vrid.description
    case .family: router.family.rawValue
    case .state: StatusWords.state(router.state) + (router.warnings.isEmpty ? "" : "!")
    case .priority:
      router.priority == router.effectivePriority
        ? router.priority.description : "\(router.effectivePriority) (\(router.priority))"
    case .activeRouter: router.activeRouter?.description ?? "-"
    case .addresses: addresses(router.addresses)
    case .age: age(router.secondsInState)
    case .reason: StatusWords.reason(router)
    }
  }

  /// The first address and how many more there are.
  static func addresses(_ addresses: [RouterStatus.AddressStatus]) -> String {
    guard let first = addresses.first else { return "-" }
    return addresses.count == 1
      ? first.address.description : "\(first.address) +\(addresses.count - 1)"
  }

  /// A span of time in its two largest units: `12s`, `3m05s`, `2h10m`, `4d03h`.
  static func age(_ seconds: Double) -> String {
    // A status is text from elsewhere; no number in it may trap.
    let whole = Int(exactly: seconds.rounded(.down)) ?? 0
    guard whole > 0 else { return "0s" }
    func pair(_ large: Int, _ unit: String, _ small: Int, _ smallUnit: String) -> String {
      "\(large)\(unit)\(small < 10 ? "0" : "")\(small)\(smallUnit)"
    }
    switch whole {
    case ..<60: return "\(whole)s"
    case ..<3600: return pair(whole / 60, "m", whole % 60, "s")
    case ..<86_400: return pair(whole / 3600, "h", whole / 60 % 60, "m")
    default: return pair(whole / 86_400, "d", whole / 3600 % 24, "h")
    }
  }

  private static func shorten(_ text: String, to room: Int) -> String {
    text.count <= room ? text : String(text.prefix(max(room - 1, 0))) + "…"
  }
}
