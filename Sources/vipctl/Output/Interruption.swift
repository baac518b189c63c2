import Glibc
import VIP
import VIPCore
import VIPService

/// Ctrl-C and SIGTERM as something to wait for, so that a command can end with its summary.
final class Interruption: Sendable {
  /// The reason why waiting ended.
  enum Cause: Sendable {
    /// There is something to read.
    case readable
    /// The command is told to end.
    case interrupted
    /// The time is over.
    case timeout
  }

  /// Becomes readable at the first signal.
  private let descriptor: Int32

  /// Takes over the signals; to be called once, while the process has one thread.
  init() {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGINT)
    sigaddset(&set, SIGTERM)
    pthread_sigmask(SIG_BLOCK, &set, nil)
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0, "no pipe can be made")
    descriptor = ends[0]
    let writer = ends[1]
    try? DetachedThread.start("the thread that waits for signals") {
      var set = sigset_t()
      sigemptyset(&set)
      sigaddset(&set, SIGINT)
      sigaddset(&set, SIGTERM)
      var number: Int32 = 0
      while sigwait(&set, &number) != 0 {}
      close(writer)
    }
  }

  /// Waits until a descriptor can be read, the command is to end, or a moment has come.
  func wait(reading other: Int32, until end: ContinuousClock.Instant?) -> Cause {
    var descriptors = [
      pollfd(fd: other, events: Int16(POLLIN), revents: 0),
      pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
    ]
    while true {
      var timeout: Int32 = -1
      if let end {
        let left = ContinuousClock.now.duration(to: end)
        guard left > .zero else { return .timeout }
        // Rounded up: better a moment late than a loop that spins.
        timeout = Int32(clamping: left.inNanoseconds / 1_000_000 + 1)
      }
      let count = poll(&descriptors, nfds_t(descriptors.count), timeout)
      if count < 0, errno == EINTR { continue }
      if descriptors[1].revents != 0 { return .interrupted }
      if descriptors[0].revents != 0 { return .readable }
      if count < 0 { return .interrupted }
    }
  }
}
