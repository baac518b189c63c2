import Glibc

/// Starts threads for work that blocks, which a task must not.
package enum DetachedThread {
  private final class Body {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
  }

  /// Starts a thread that runs a closure and ends with it.
  ///
  /// - Parameters:
  ///   - purpose: what the thread is for, to be named in an error.
  ///   - body: what it runs.
  /// - Throws: why there is no room for one more (`pids.max` of a container).
  package static func start(
    _ purpose: String, _ body: sending @escaping () -> Void
  ) throws(NodeError) {
    var id = pthread_t()
    let context = Unmanaged.passRetained(Body(body)).toOpaque()
    let result = pthread_create(
      &id, nil,
      { context in
        if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
        return nil
      }, context)
    guard result == 0 else {
      Unmanaged<Body>.fromOpaque(context).release()
      throw .system(result, "start \(purpose)")
    }
    pthread_detach(id)
  }
}
