import Foundation

/// Runs something that blocks on a thread of its own.
///
/// A task that blocks keeps one of the few threads that all tasks share, perhaps the last one that
/// could have answered it.
package func onThread<Value: Sendable>(
  _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
  }
}
