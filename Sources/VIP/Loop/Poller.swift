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
  /// The descriptors that the kernel had no room to watch: looked at regularly until it has.
  private var unwatched: Set<Int32> = []
  private static let unwatchedPause = Duration.milliseconds(50)
  private var events = [epoll_event](repeating: epoll_event(), count: eventCount)
  /// The time that the timer is armed for; it may be earlier than needed, never later.
  private var armed: Instant?

  init() throws(NodeError) {
    poll = try Descriptor(epoll_create1(Int32(EPOLL_CLOEXEC)), "make an epoll descriptor")
    timer = try Descriptor(
      timerfd_create(CLOCK_BOOTTIME, Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK)), "make a timer")
    wakeUp = try WakeUp()
    guard register(timer.raw), register(wakeUp.descriptor) else {
      throw .system(errno, "watch the timer and the event descriptor")
    }
  }

  /// Readable when something that is watched is.
  var descriptor: Int32 { poll.raw }

  func watch(_ descriptor: Int32, _ source: ReadinessSource) {
    guard descriptor >= 0 else { return }
    sources[descriptor] = source
    if !register(descriptor) { unwatched.insert(descriptor) }
  }

  func unwatch(_ descriptor: Int32) {
    guard sources.removeValue(forKey: descriptor) != nil else { return }
    guard unwatched.remove(descriptor) == nil else { return }
    var event = epoll_event()
    epoll_ctl(poll.raw, EPOLL_CTL_DEL, descriptor, &event)
  }

  /// - Returns: whether the kernel watches it; not if it has no memory or its `max_user_watches`
  ///   are used up.
  private func register(_ descriptor: Int32) -> Bool {
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.fd = descriptor
    return epoll_ctl(poll.raw, EPOLL_CTL_ADD, descriptor, &event) == 0
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
    defer { addUnwatched(to: &ready) }
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

  /// Adds what may be readable without the kernel saying so, and tries to have it watched.
  private func addUnwatched(to ready: inout [ReadinessSource]) {
    for descriptor in unwatched {
      if register(descriptor) { unwatched.remove(descriptor) }
      if let source = sources[descriptor] { ready.append(source) }
    }
  }

  /// Arms the timer if it would fire too late.
  ///
  /// Firing early costs one idle turn; arming for every advertisement received would cost a system
  /// call each.
  func arm(_ deadline: Instant?) {
    var deadline = deadline
    if !unwatched.isEmpty {
      let next = bootTime() + Self.unwatchedPause
      deadline = deadline.map { min($0, next) } ?? next
    }
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
