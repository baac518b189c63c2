import CLinux
import Synchronization
public import VIP
import VIPCore

/// Runs checks on a thread of its own: however slow they are, only that one waits.
final class CheckRunner: Sendable {
  /// State that the thread and the runner share.
  final class Shared: Sendable {
    struct Inbox {
      /// The checks to run from now on; `nil` if they are the same as before.
      var checks: [Check]?
      var isStarted = false
      var isEnding = false
      var hasEnded = false
      var waiters: [CheckedContinuation<Void, Never>] = []
      var observer: (@Sendable (CheckHistory) -> Void)?
      /// The results of the checks that are run.
      var histories: [String: CheckHistory] = [:]
    }

    let inbox = Mutex(Inbox())
    let wakeUp: WakeUp

    init() throws(NodeError) {
      wakeUp = try WakeUp()
    }
  }

  private let shared: Shared
  private let variables: [String: String]
  /// The niceness of the threads that the node did not make more urgent.
  private let niceness: Int32

  /// Makes a runner; its thread starts with the first check.
  ///
  /// - Parameter variables: what all programs are given.
  /// - Throws: why there is no descriptor for it.
  init(variables: [String: String]) throws(NodeError) {
    shared = try Shared()
    self.variables = variables
    niceness = vip_niceness()
  }

  deinit {
    shared.inbox.withLock { $0.isEnding = true }
    shared.wakeUp.wake()
  }

  /// Says where checks go that say something else now; they come from the runner's thread.
  func observe(_ observer: @escaping @Sendable (CheckHistory) -> Void) {
    shared.inbox.withLock { $0.observer = observer }
  }

  /// Runs these checks from now on, and no others; those that it runs already go on.
  ///
  /// - Throws: why there is no thread for them; the next call tries again.
  func use(_ checks: [Check]) throws(NodeError) {
    let mustStart = shared.inbox.withLock { inbox in
      if checks.isEmpty, !inbox.isStarted { return false }
      inbox.checks = checks
      defer { inbox.isStarted = true }
      return !inbox.isStarted
    }
    shared.wakeUp.wake()
    guard mustStart else { return }
    let (shared, variables, niceness) = (shared, variables, niceness)
    do throws(NodeError) {
      try DetachedThread.start("the checks' thread") {
        CheckLoop(shared, variables).run(niceness: niceness)
      }
    } catch {
      shared.inbox.withLock { $0.isStarted = false }
      throw error
    }
  }

  /// The results of a check; `nil` if it has not been begun with.
  func history(of name: String) -> CheckHistory? {
    shared.inbox.withLock { $0.histories[name] }
  }

  /// Ends all that runs.
  func finish() async {
    await withCheckedContinuation { continuation in
      let isOver = shared.inbox.withLock { inbox in
        if !inbox.isStarted || inbox.hasEnded { return true }
        inbox.isEnding = true
        inbox.waiters.append(continuation)
        return false
      }
      if isOver { continuation.resume() } else { shared.wakeUp.wake() }
    }
  }
}

/// Runs checks once, to see what they say.
public enum CheckTrial {
  /// Runs each check once, and returns when the last one is over.
  ///
  /// It blocks its thread for up to the longest of their time limits, longer if there are many.
  ///
  /// - Parameter checks: the checks, each with a name of its own.
  /// - Returns: their results, by name.
  /// - Throws: why there is no descriptor for it.
  public static func run(_ checks: [Check]) throws(NodeError) -> [String: CheckResult] {
    let shared = try CheckRunner.Shared()
    return CheckLoop(shared, [:]).runOnce(checks)
  }

  /// The effect of a result on a router that uses the check, such as "priority -20"; the
  /// check counts as if it had been run several times with the same result.
  public static func effect(
    of result: CheckResult, _ check: Check, on use: CheckUse
  ) -> RouterStatus.Check {
    var state = CheckState(check, CheckLeaning(use), at: .zero)
    for _ in 0..<max(check.rise, check.fall) { _ = state.take(result, at: .zero) }
    return RouterStatus.Check(use, state.saying)
  }
}

extension RouterStatus.Check {
  /// Describes what follows from what a check says.
  init(
    _ use: CheckUse, _ saying: CheckState.Saying, isOwner: Bool = false, isAwaited: Bool = false
  ) {
    let effect = CheckEffect(saying, use, isOwner: isOwner, isAwaited: isAwaited)
    let weight = if case .weight(let weight) = effect { weight } else { 0 }
    self.init(
      check: use.check, standing: saying.standing, isOut: effect == .out, weight: weight)
  }
}
