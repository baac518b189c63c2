import Glibc
import VIP
import VIPCore

/// A hook that runs: a child process, what it writes, and how long it may still take.
struct HookProcess {
  private enum Stage {
    case running
    /// The program has taken too long and was asked to end.
    case terminated
    /// The program did not end when asked to, and was ended.
    case killed
  }

  /// Time that a program may take to end after SIGTERM.
  private static let patience = Duration.seconds(2)

  let occasion: HookOccasion
  private var program: ChildProgram
  /// The time when something has to be done about it.
  private(set) var deadline: Instant?
  private let start: Instant
  private var stage = Stage.running
  private var lines = LineCollector()

  /// Takes over the program of an occasion, which has been started.
  ///
  /// - Parameters:
  ///   - occasion: the occasion.
  ///   - program: its program.
  ///   - start: the time when its start was begun.
  ///   - limit: the time when it has to end.
  init(
    _ occasion: HookOccasion, _ program: ChildProgram, from start: Instant, until limit: Instant
  ) {
    self.program = program
    self.occasion = occasion
    self.start = start
    deadline = limit
  }

  /// Readable when it has ended; -1 on a kernel that has no such thing.
  var ending: Int32 { program.ending }
  /// The descriptor that its output comes from; -1 when nothing more does.
  var output: Int32 { program.output }

  /// Reads a bounded part of what it has written.
  ///
  /// - Returns: the lines, and whether there may be more at once.
  mutating func readOutput(_ buffer: inout [UInt8]) -> (lines: [String], isFlooding: Bool) {
    let count = program.readOutput(&buffer)
    return (lines.take(buffer[..<count]), count == buffer.count)
  }

  /// Ends it if its time is over.
  mutating func enforceLimit(at now: Instant) {
    guard let due = deadline, due <= now else { return }
    switch stage {
    case .running:
      program.signal(SIGTERM)
      stage = .terminated
      deadline = now + Self.patience
    case .terminated, .killed:
      program.signal(SIGKILL)
      stage = .killed
      // Only the kernel can still hold it up.
      deadline = nil
    }
  }

  /// Makes its time end at a moment, if it would not sooner.
  mutating func shorten(to moment: Instant) {
    if stage == .running { deadline = min(deadline ?? moment, moment) }
  }

  /// Takes leave of it if it has ended.
  ///
  /// - Returns: what is left to report, the last of which says how it ended.
  mutating func end(_ buffer: inout [UInt8], at now: Instant) -> [HookReport.Kind]? {
    guard program.hasEnded else { return nil }
    // What it left behind may go on, unless all of it had to go.
    if stage != .running { program.signal(SIGKILL) }
    var reports: [HookReport.Kind] = []
    // All of it is in the pipe, and no more than fits.
    for _ in 0..<4 where program.output >= 0 {
      reports += readOutput(&buffer).lines.map { .output($0) }
    }
    if let last = lines.end() { reports.append(.output(last)) }
    if lines.dropped > 0 { reports.append(.output("… and \(lines.dropped) more lines")) }
    reports.append(verdict(program.reap(), at: now))
    return reports
  }

  private func verdict(_ end: ChildProgram.End, at now: Instant) -> HookReport.Kind {
    guard stage == .running else {
      let limit = (stage == .killed ? now - start - Self.patience : now - start)
      let time = min(limit, occasion.hooks.timeout)
      return .failed("took longer than \(Self.text(time)) and was ended")
    }
    switch end {
    case .signalled(let signal): return .failed("was ended by signal \(signal)")
    case .exited(0): return .succeeded("ended after \(Self.text(now - start))")
    case .exited(let code): return .failed("ended with exit code \(code)")
    case .unknown: return .failed("has ended, but how can't be known")
    }
  }

  private static func text(_ duration: Duration) -> String {
    Duration.milliseconds(Int64(duration / .milliseconds(1))).text
  }
}
