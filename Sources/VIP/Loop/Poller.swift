import CLinux
import Glibc
import VIPCore

/// One epoll descriptor to wait on everything that a node listens to, with a timer and a wake-up.
final class Poller: Readiness {
  private static let eventCount = 64

  private let poll: Descriptor
  private let timer: Descriptor
  private let wakeUp: WakeUp
  private var sources: [Int32: ReadinessSource] = [:]
  private var events = [epoll_event](repeating: epoll_event(), count: eventCount)
  /// What the timer is armed for; it may be earlier than needed, never later.
  private var armed: Instant?

  init() throws(NodeError) {
    poll = try Descriptor(epoll_create1(Int32(EPOLL_CLOEXEC)), "make an epoll descriptor")
    timer = try Descriptor(
      timerfd_create(CLOCK_BOOTTIME, Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK)), "make a timer")
    wakeUp = try WakeUp()
    register(timer.raw)
    register(wakeUp.descriptor)
  }

  /// Readable when something that is watched is.
  var descriptor: Int32 { poll.raw }

  func watch(_ descriptor: Int32, _ source: ReadinessSource) {
    guard descriptor >= 0 else { return }
    sources[descriptor] = source
    register(descriptor)
  }

  func unwatch(_ descriptor: Int32) {
    guard sources.removeValue(forKey: descriptor) != nil else { return }
    var event = epoll_event()
    epoll_ctl(poll.raw, EPOLL_CTL_DEL, descriptor, &event)
  }

  private func register(_ descriptor: Int32) {
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.fd = descriptor
    epoll_ctl(poll.raw, EPOLL_CTL_ADD, descriptor, &event)
  }

  /// Waits until something is readable or a moment has come.
  ///
  /// - Parameters:
  ///   - deadline: the moment; without end if `nil`.
  ///   - immediately: whether only to look.
  ///   - ready: filled with what is readable.
  func wait(until deadline: Instant?, immediately: Bool, _ ready: inout [ReadinessSource]) {
    arm(deadline)
    ready.removeAll(keepingCapacity: true)
    let count = epoll_wait(
      poll.raw, &events, Int32(Self.eventCount), immediately ? 0 : -1)
    guard count > 0 else { return }
    for event in events.prefix(Int(count)) {
      switch event.data.fd {
      case timer.raw:
        armed = nil
      case wakeUp.descriptor:
        wakeUp.clear()
      case let descriptor:
        if let source = sources[descriptor] { ready.append(source) }
      }
    }
  }

  /// Arms the timer if it would fire too late.
  ///
  /// Firing early costs one idle turn; arming for every advertisement received would cost a system
  /// call each.
  func arm(_ deadline: Instant?) {
    if let armed {
      guard let deadline, deadline < armed else { return }
    }
    // Zero would disarm; no deadline is that early.
    vip_timer_arm(timer.raw, deadline.map { max($0.nanoseconds, 1) } ?? 0)
    armed = deadline
  }

  /// Ends a wait.
  ///
  /// May be called from any thread.
  func wake() {
    wakeUp.wake()
  }
}
