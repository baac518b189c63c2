import Glibc
import Synchronization
import VIP
import VIPCore

/// A hook whose program is being started, on a thread of its own: the file system that it is on may
/// hold that up, and then only the hooks of this router wait.
struct HookStart {
  private final class Outcome: Sendable {
    let result = Mutex<Result<ChildProgram, NodeError>?>(nil)
  }

  /// Time that one which was ended may take to end.
  private static let patience = Duration.seconds(2)

  let occasion: HookOccasion
  private let outcome = Outcome()
  private let child = StartingChild()
  private let start: Instant
  private var limit: Instant
  private var ended: Instant?

  /// Begins to start the program of an occasion.
  ///
  /// - Parameters:
  ///   - occasion: the occasion.
  ///   - variables: what all programs are given.
  ///   - now: the time.
  ///   - tell: says that it has been started or can't be; called on another thread.
  /// - Throws: why there is no thread for it.
  init(
    _ occasion: HookOccasion, _ variables: [String: String], at now: Instant,
    then tell: @escaping @Sendable () -> Void
  ) throws(NodeError) {
    self.occasion = occasion
    start = now
    limit = now + occasion.hooks.timeout
    let (arguments, environment) = (occasion.arguments, occasion.environment(variables))
    let (outcome, child) = (outcome, child)
    try DetachedThread.start("the thread that starts a hook") {
      let result: Result<ChildProgram, NodeError>
      do throws(NodeError) {
        result = .success(try ChildProgram(arguments, environment: environment, child))
      } catch {
        result = .failure(error)
      }
      outcome.result.withLock { $0 = result }
      tell()
    }
  }

  /// The time when something has to be done about it.
  var deadline: Instant { ended.map { $0 + Self.patience } ?? limit }

  /// Ends it if its time is over.
  mutating func enforceLimit(at now: Instant) {
    guard ended == nil, limit <= now else { return }
    child.end()
    ended = now
  }

  /// Makes its time end at a moment, if it would not sooner.
  mutating func shorten(to moment: Instant) { limit = min(limit, moment) }

  /// Whether only the kernel still holds it up.
  func isStuck(at now: Instant) -> Bool { ended.map { $0 + Self.patience <= now } ?? false }

  /// The hook that runs, or why it can't be started; `nil` as long as it is not known.
  func result() -> Result<HookProcess, NodeError>? {
    outcome.result.withLock { $0 }.map { result in
      result.map { HookProcess(occasion, $0, from: start, until: limit) }
    }
  }
}
