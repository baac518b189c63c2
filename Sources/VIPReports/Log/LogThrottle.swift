public import VIPCore

/// Keeps the log of a node readable, whatever happens.
///
/// Each virtual router may write a number of lines at once and then one every few seconds; what is
/// more is counted by kind, and that told with the last of them. Changes of state and warnings have
/// such an allowance of their own, which what hooks write and the like can't use up. A warning that was said within the
/// last minute is counted too, and the count told when the minute is over. The reason why a router
/// takes no part any more is written whenever its change of state is.
public struct LogThrottle: Sendable {
  /// The router a line is about; none if it is about the node.
  public struct Source: Sendable, Hashable {
    /// The router's name.
    public var router: String?
    /// The family, if it is about one.
    public var family: AddressFamily?

    /// Makes a source.
    public init(router: String? = nil, family: AddressFamily? = nil) {
      self.router = router
      self.family = family
    }
  }

  /// Number of lines that a router may write at once, and the time it takes to earn another.
  static let burst = 20
  static let earning = Duration.seconds(5)
  /// The time between lines that say how many were left out.
  static let summaryPeriod = Duration.seconds(10)
  /// The time for which a warning that comes again is only counted.
  static let repetitionPeriod = Duration.seconds(60)
  /// Number of warnings of a router that are remembered.
  private static let warningCountMax = 32

  private struct Repeated: Sendable {
    var since: Instant
    var count = 0
    var line: LogLine
  }

  private struct Account: Sendable {
    /// Lines that may be written, and until when they were counted.
    var credit = LogThrottle.burst
    var creditedAt: Instant
    var suppressed = 0
    /// The same by kind.
    var kinds: [String: Int] = [:]
    var suppressedSince = Instant.zero
    var last: LogLine?
    var warnings: [String: Repeated] = [:]
    /// Whether a change of state was written whose reason has not come yet.
    var lacksReason = false
  }

  /// A router's allowance for one class of lines.
  private struct Key: Hashable {
    var source: Source
    var isVital: Bool

    /// Orders them: by router, what is vital first.
    var order: (String, String, Int) {
      (source.router ?? "", source.family?.rawValue ?? "", isVital ? 0 : 1)
    }
  }

  private var accounts: [Key: Account] = [:]

  /// Makes a throttle that has seen nothing.
  public init() {}

  /// Takes a line.
  ///
  /// - Returns: whether it is to be written now.
  public mutating func admits(_ line: LogLine, from source: Source, at now: Instant) -> Bool {
    let key = Key(source: source, isVital: line.isVital)
    var account = accounts[key] ?? Account(creditedAt: now)
    defer { accounts[key] = account }
    if line.part == .reason, account.lacksReason {
      account.lacksReason = false
      account.credit = max(0, account.credit - 1)
      Self.remember(line, in: &account, at: now)
      return true
    }
    if let earlier = account.warnings[line.message],
      earlier.count > 0 || now < earlier.since + Self.repetitionPeriod
    {
      account.warnings[line.message]?.count += 1
      return false
    }
    Self.earn(&account, at: now)
    // What comes after something that was left out is left out with it: the order tells.
    guard account.credit > 0, account.suppressed == 0 else {
      if account.suppressed == 0 { account.suppressedSince = now }
      account.suppressed += 1
      account.kinds[line.kind, default: 0] += 1
      account.last = line
      return false
    }
    account.credit -= 1
    if line.part == .transition { account.lacksReason = true }
    Self.remember(line, in: &account, at: now)
    return true
  }

  /// Remembers a warning that is written, so that it is counted when it comes again.
  private static func remember(_ line: LogLine, in account: inout Account, at now: Instant) {
    guard line.level != .info else { return }
    account.warnings = account.warnings.filter {
      $0.value.count > 0 || now < $0.value.since + repetitionPeriod
    }
    if account.warnings[line.message] == nil, account.warnings.count < warningCountMax {
      account.warnings[line.message] = Repeated(since: now, line: line)
    }
  }

  private static func earn(_ account: inout Account, at now: Instant) {
    let period = earning.inNanoseconds
    let earned = now.nanoseconds(since: account.creditedAt) / period
    guard earned > 0 else { return }
    account.credit = min(burst, account.credit + Int(clamping: earned))
    account.creditedAt = account.creditedAt.advanced(byNanoseconds: earned * period)
  }

  /// The time when there is something to say about what was left out; `nil` if nothing was.
  public var deadline: Instant? {
    var next: Instant?
    for account in accounts.values {
      if account.suppressed > 0 {
        let due = account.suppressedSince + Self.summaryPeriod
        next = min(next ?? due, due)
      }
      for warning in account.warnings.values where warning.count > 0 {
        let due = warning.since + Self.repetitionPeriod
        next = min(next ?? due, due)
      }
    }
    return next
  }

  /// The lines that now say what was left out.
  public mutating func summaries(at now: Instant) -> [LogLine] {
    summaries { $0 <= now }
  }

  /// All there is to say, since nothing more comes.
  ///
  /// Warnings that came again are told for the record: they have been written as warnings, and are
  /// no news of the end.
  public mutating func end() -> [LogLine] {
    summaries(levelOfRepeated: .info) { _ in true }
  }

  private mutating func summaries(
    levelOfRepeated level: LogLine.Level? = nil, _ isDue: (Instant) -> Bool
  ) -> [LogLine] {
    var lines: [LogLine] = []
    for key in accounts.keys.sorted(by: { $0.order < $1.order }) {
      guard var account = accounts[key] else { continue }
      for (text, warning) in account.warnings.sorted(by: { $0.key < $1.key })
      where isDue(warning.since + Self.repetitionPeriod) {
        account.warnings[text] = nil
        guard warning.count > 0 else { continue }
        var line = warning.line
        line.level = level ?? line.level
        line.message =
          "again, \(warning.count) time\(warning.count == 1 ? "" : "s") within a minute: \(text)"
        lines.append(line)
      }
      if account.suppressed > 0, isDue(account.suppressedSince + Self.summaryPeriod),
        let last = account.last
      {
        var line = last
        line.level = .warning
        line.fields.append(("suppressed", "\(account.suppressed)"))
        let kinds = account.kinds.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        line.message =
          "too many lines: \(kinds.joined(separator: ", ")) left out; the last was: "
          + last.message
        lines.append(line)
        (account.suppressed, account.kinds) = (0, [:])
        account.last = nil
      }
      accounts[key] = account
    }
    return lines
  }
}
