import Glibc

/// A thread for something that blocks, which a task must not.
package enum DetachedThread {
  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Starts a thread.
  ///
  /// - Returns: whether there is room for one more (`pids.max` of a container).
  @discardableResult
  package static func run(_ body: @escaping @Sendable () -> Void) -> Bool {
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
      return false
    }
    pthread_detach(id)
    return true
  }
}

/// Time, for programs that have one thread and nothing else to do.
package enum Clocks {
  package static func pause(_ duration: Duration) {
    usleep(UInt32(clamping: Int(duration / .microseconds(1))))
  }
}
