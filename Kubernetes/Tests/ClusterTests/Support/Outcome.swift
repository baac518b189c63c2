import Foundation
import Synchronization

/// The result of something on another thread, for which a thread can wait.
final class Outcome<Value: Sendable>: Sendable {
  private let result = Mutex<Result<Value, any Error>?>(nil)
  private let isThere = DispatchSemaphore(value: 0)

  /// Tells the result, once.
  func set(_ value: Result<Value, any Error>) {
    result.withLock { $0 = value }
    isThere.signal()
  }

  /// Waits for the result, once.
  func wait() throws -> Value {
    isThere.wait()
    guard let value = result.withLock({ $0 }) else { throw LabError("there is no result") }
    return try value.get()
  }
}
