import Glibc

extension Namespace {
  /// Runs something in the namespace, on a thread of its own that ends with it, and waits for it.
  ///
  /// The sockets that it opens stay in the namespace, whichever thread uses them later.
  package func inside<Value>(_ body: () throws -> Value) throws -> Value {
    try onNewThread {
      Result {
        try enterNamespace(name)
        return try body()
      }
    }.get()
  }
}

/// Runs a function on a thread of its own, which ends with it, so that nothing else ever runs in
/// the namespace that it joined.
private func onNewThread<Value>(_ body: () -> Value) -> Value {
  withoutActuallyEscaping(body) { body in
    var result: Value?
    // Only the thread touches the result until it is joined.
    let work = Unmanaged.passRetained(Thunk { result = body() })
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Thunk>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, work.toOpaque())
    precondition(status == 0, "pthread_create: \(status)")
    pthread_join(thread, nil)
    guard let result else { preconditionFailure("the thread left no result") }
    return result
  }
}

private final class Thunk {
  let body: () -> Void
  init(_ body: @escaping () -> Void) { self.body = body }
}
