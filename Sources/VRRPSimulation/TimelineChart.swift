import VIPCore
import VRRP

extension Timeline {
  /// Lines that draw which router was Active when, and when a client was served, within a width.
  ///
  /// ```
  ///         0s        2s        4s        6s        8s        10s
  /// a       ................###########!!!!!!!!!!!!!!!!!!!!!!!!!!!
  /// b       ..........................................############
  /// client                  ===========-             -===========
  /// ```
  ///
  /// A column stands for an equal part of the time. A router's sign is what it was for most of that
  /// part; the client's row never hides an outage, however short.
  ///
  /// - Parameter width: how many columns a line may have; at least 20 are used.
  /// - Returns: lines without their ends: the scale, a row for each router, the client, the legend.
  public func chart(width: Int) -> [String] {
    let width = Swift.max(width, 20)
    let longest = Swift.max(rows.map(\.name.count).max() ?? 0, Chart.client.count)
    let label = Swift.min(longest, Swift.max(Chart.client.count, width / 4)) + 1
    let chart = Chart(columns: width - label, end: end.nanoseconds)
    guard end > .zero else { return [] }
    var lines = [Chart.pad("", label) + chart.scale()]
    var used: Set<Character> = []
    for row in rows {
      let signs = chart.signs(of: row)
      used.formUnion(signs)
      lines.append(Chart.pad(row.name, label) + String(signs))
    }
    let client = chart.clientSigns(rows)
    used.formUnion(client)
    lines.append(Chart.pad(Chart.client, label) + String(client))
    lines = lines.map { Chart.withoutEnd($0) }
    return lines + Chart.legend(used, width: width)
  }

  /// The length of all outages together.
  public var outageTotal: Duration { outages.reduce(.zero) { $0 + $1.duration } }

  /// The service that a client saw, in lines of words.
  ///
  /// - Parameter most: how many outages are listed one by one; of more, the longest are.
  /// - Returns: lines without their ends.
  public func clientReport(listing most: Int = 10) -> [String] {
    guard let firstServed else { return ["A client is never served."] }
    let first = "A client is served from \(TimeText.seconds(firstServed)) on"
    guard !outages.isEmpty else { return ["\(first), without an outage."] }
    let count = outages.count == 1 ? "1 outage" : "\(outages.count) outages"
    var lines = ["\(first), with \(count) of \(TimeText.seconds(outageTotal)) in all:"]
    let listed = outages.sorted { $0.duration > $1.duration }.prefix(Swift.max(most, 1))
    for outage in listed.sorted(by: { $0.start < $1.start }) {
      let (start, end) = (TimeText.seconds(outage.start), TimeText.seconds(outage.end))
      let lasts = outage.end == self.end ? ", and it lasts" : ""
      lines.append("    \(TimeText.seconds(outage.duration)) from \(start) to \(end)\(lasts)")
    }
    if outages.count > listed.count {
      lines.append("    and \(outages.count - listed.count) shorter ones")
    }
    return lines
  }
}

/// Columns of equal time.
private struct Chart {
  static let client = "client"
  let columns: Int
  let end: UInt64

  /// The part of the time that a column stands for.
  func bounds(_ column: Int) -> (start: UInt64, end: UInt64) {
    let parts = UInt64(columns)
    func edge(_ index: Int) -> UInt64 {
      let (high, low) = end.multipliedFullWidth(by: UInt64(index))
      return parts.dividingFullWidth((high, low)).quotient
    }
    return (edge(column), edge(column + 1))
  }

  // MARK: Rows

  func signs(of row: Timeline.Row) -> [Character] {
    var next = 0
    return (0..<columns).map { column in
      let (start, end) = bounds(column)
      // Spans are in order and without gaps: those before this column never count again.
      while next < row.spans.count, row.spans[next].end.nanoseconds <= start { next += 1 }
      var longest: (time: UInt64, sign: Character) = (0, " ")
      for span in row.spans[next...] {
        guard span.start.nanoseconds < end else { break }
        let time = min(span.end.nanoseconds, end) - max(span.start.nanoseconds, start)
        if time > longest.time { longest = (time, Self.sign(of: span)) }
      }
      return longest.sign
    }
  }

  private static func sign(of span: Timeline.Span) -> Character {
    switch span.state {
    case .initialize: " "
    case .backup: span.isReachable ? "." : "x"
    case .active: span.isReachable ? "#" : "!"
    }
  }

  /// `=` where a client was served all the time, `-` where part of it.
  func clientSigns(_ rows: [Timeline.Row]) -> [Character] {
    let served = rows.flatMap(\.spans).filter { $0.state == .active && $0.isReachable }
      .sorted { $0.start < $1.start }
    // Merged into spans that don't touch, so that one walk over the columns is enough.
    var merged: [(start: UInt64, end: UInt64)] = []
    for span in served {
      let (start, end) = (span.start.nanoseconds, span.end.nanoseconds)
      if let last = merged.last, start <= last.end {
        merged[merged.count - 1].end = max(last.end, end)
      } else {
        merged.append((start, end))
      }
    }
    var next = 0
    return (0..<columns).map { column in
      let (start, end) = bounds(column)
      while next < merged.count, merged[next].end <= start { next += 1 }
      var time: UInt64 = 0
      for span in merged[next...] {
        guard span.start < end else { break }
        time += min(span.end, end) - max(span.start, start)
      }
      return time == 0 ? " " : time == end - start ? "=" : "-"
    }
  }

  // MARK: Scale and legend

  /// Round moments, each written from its own column on.
  func scale() -> String {
    var line = ""
    let step = roundStep()
    var time: UInt64 = 0
    while time < end {
      let (high, low) = time.multipliedFullWidth(by: UInt64(columns))
      let column = Int(end.dividingFullWidth((high, low)).quotient)
      let label = Duration.nanoseconds(Int64(clamping: time)).text
      if column >= line.count, column + label.count <= columns {
        line = Self.pad(line, column, cutting: false) + label + " "
      }
      time += step
    }
    return Self.withoutEnd(line)
  }

  /// The smallest of 1, 2, 5, 10, … such that labels stand ten columns apart or more.
  private func roundStep() -> UInt64 {
    let least = max(end / UInt64(max(columns / 10, 1)), 1)
    var unit: UInt64 = 1
    while true {
      for factor in [1, 2, 5] as [UInt64] where unit * factor >= least { return unit * factor }
      guard unit <= UInt64.max / 100 else { return least }
      unit *= 10
    }
  }

  /// The meaning of the signs that were used.
  static func legend(_ used: Set<Character>, width: Int) -> [String] {
    let meanings: [(Character, String)] = [
      ("#", "# Active"), ("!", "! Active, but cut off or frozen"), (".", ". Backup"),
      ("x", "x Backup, but cut off or frozen"), ("=", "= served"), ("-", "- served in part"),
    ]
    var lines: [String] = []
    for (sign, meaning) in meanings where used.contains(sign) {
      if let last = lines.last, last.count + 3 + meaning.count <= width {
        lines[lines.count - 1] = "\(last)   \(meaning)"
      } else {
        lines.append(meaning)
      }
    }
    return lines
  }

  // MARK: Text

  /// The text with spaces up to a width; a longer one is shortened, with a sign that it is.
  static func pad(_ text: String, _ width: Int, cutting: Bool = true) -> String {
    if cutting, text.count >= width { return String(text.prefix(max(width - 2, 0))) + "~ " }
    return text + String(repeating: " ", count: max(width - text.count, 0))
  }

  static func withoutEnd(_ text: String) -> String {
    var text = text
    while text.last == " " { text.removeLast() }
    return text
  }
}
