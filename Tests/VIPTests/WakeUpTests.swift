import Glibc
import Synchronization
import Testing

@testable import VIP

/// The descriptor that ends a thread's wait, and threads.
@Suite struct WakeUpTests {
  private func isReadable(_ descriptor: Int32, within milliseconds: Int32 = 0) -> Bool {
    var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return Glibc.poll(&poll, 1, milliseconds) == 1
  }

  @Test func `a signal makes it readable until it is cleared`() throws {
    let wakeUp = try WakeUp()
    #expect(!isReadable(wakeUp.descriptor))
    wakeUp.clear()
    #expect(!isReadable(wakeUp.descriptor))
    for _ in 0..<3 { wakeUp.wake() }
    #expect(isReadable(wakeUp.descriptor))
    wakeUp.clear()
    #expect(!isReadable(wakeUp.descriptor))
    wakeUp.wake()
    #expect(isReadable(wakeUp.descriptor))
  }

  private final class Shared: Sendable {
    let wakeUp: WakeUp
    let thread = Mutex<pthread_t?>(nil)
    init() throws { wakeUp = try WakeUp() }
  }

  @Test func `a thread of its own runs the body and can end another's wait`() throws {
    let shared = try Shared()
    try DetachedThread.start("a thread of a test") {
      shared.thread.withLock { $0 = pthread_self() }
      shared.wakeUp.wake()
    }
    #expect(isReadable(shared.wakeUp.descriptor, within: 300_000))
    let other = shared.thread.withLock { $0 }
    #expect(other != nil && other != pthread_self())
  }

  private final class Captured {
    let onEnd: () -> Void
    init(_ onEnd: @escaping () -> Void) { self.onEnd = onEnd }
    deinit { onEnd() }
  }

  @Test func `a thread lets go of what it has run`() throws {
    let shared = try Shared()
    func start() throws {
      let captured = Captured { shared.wakeUp.wake() }
      try DetachedThread.start("a thread of a test") { withExtendedLifetime(captured) {} }
    }
    try start()
    #expect(isReadable(shared.wakeUp.descriptor, within: 300_000))
  }
}
