import CGuard
import Glibc

/// The process that reads a guard area once this one is dead; tests put a fake in its place.
package protocol GuardProcess: AnyObject {
  /// The process, while there is one.
  var pid: Int32? { get }
  /// Starts it.
  ///
  /// - Returns: a descriptor that is readable when there is news.
  func start(_ area: GuardArea) throws(NodeError) -> Int32
  /// Takes the news that it has.
  func news() -> GuardNews
  /// Ends it before it does anything; returns when it has ended.
  ///
  /// - Returns: how it ended, in words.
  @discardableResult
  func dismiss() -> String
  /// Lets it do its work although this process lives on; returns when it has ended.
  func release()
  /// Has it look at the area: it is to watch this process from now on. Has a default, which does
  /// nothing.
  func nudge()
}

extension GuardProcess {
  /// Has it look at the area.
  package func nudge() {}
}

/// News of a guard process for the node.
package enum GuardNews: Sendable, Hashable {
  /// Nothing yet.
  case none
  /// The guard watches from now on.
  case isReady
  /// The guard can't open its sockets.
  case failed(errno: Int32)
  /// The guard is dead.
  case hasEnded
}

/// A guard process of Linux: a fork of this one that runs a few hundred lines of C, see `guard.h`.
package final class LinuxGuardProcess: GuardProcess {
  private var handle: vip_guard_handle?

  package init() {}

  package var pid: Int32? { handle?.pid }

  deinit {
    release()
  }

  package func start(_ area: GuardArea) throws(NodeError) -> Int32 {
    var handle = vip_guard_handle()
    let code = vip_guard_start(area.base, area.byteCount, &handle)
    guard code == 0 else { throw .system(code, "start a guard process") }
    self.handle = handle
    return handle.lifeline
  }

  package func news() -> GuardNews {
    guard let handle else { return .none }
    return switch vip_guard_news(handle) {
    case 0: .isReady
    case -1: .none
    case -2: .hasEnded
    case let code: .failed(errno: code)
    }
  }

  @discardableResult
  package func dismiss() -> String {
    guard let handle else { return "not running" }
    self.handle = nil
    let status = vip_guard_dismiss(handle)
    let signal = status & 0x7F
    return signal == 0 ? "exit code \(status >> 8 & 0xFF)" : "signal \(signal)"
  }

  package func release() {
    guard let handle else { return }
    self.handle = nil
    vip_guard_release(handle)
  }

  package func nudge() {
    if let handle { vip_guard_nudge(handle) }
  }
}
