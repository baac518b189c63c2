import Glibc
import VIP
import VIPReports

/// Signals, taken one by one on the main thread instead of interrupting whatever runs.
///
/// The main thread does nothing else: it stays able to end the process when everything else hangs.
enum Signals {
  private static let stopping = [SIGTERM, SIGINT]
  /// Those that make keepalived write its data to files, and would end a process that knows nothing
  /// of them.
  private static let curious = [SIGUSR1, SIGUSR2]
  /// Whether this is the first process of a container, which inherits the orphans of all others.
  private static let isFirstProcess = getpid() == 1

  private static var handled: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in stopping + curious + [SIGHUP] { sigaddset(&set, signal) }
    if isFirstProcess { sigaddset(&set, SIGCHLD) }
    return set
  }

  /// Keeps signals back from all threads; to be called while there is only one.
  static func block() {
    var set = handled
    pthread_sigmask(SIG_BLOCK, &set, nil)
    // A log that nobody reads any more must not end a node.
    signal(SIGPIPE, SIG_IGN)
    // It may have been ignored when the process was started, and the kernel would then not tell how
    // a child has ended.
    signal(SIGCHLD, SIG_DFL)
  }

  /// Takes signals until the process ends.
  static func take(_ stops: Stops, hintForReports: String?) -> Never {
    var set = handled
    var isStopping = false
    while true {
      var number: Int32 = 0
      guard sigwait(&set, &number) == 0 else { continue }
      if number == SIGCHLD {
        clearOrphans()
      } else if curious.contains(number) {
        LogLine(
          .info,
          "\(name(number)) changes nothing" + (hintForReports.map { "; \($0)" } ?? "")
        ).write()
      } else if number == SIGHUP {
        stops.tell(.reload)
      } else if isStopping {
        LogLine(.error, "a second \(name(number)) ends the node at once").write()
        // Its guard removes the addresses; without one they go when their leases end.
        _exit(EXIT_FAILURE)
      } else {
        isStopping = true
        StopLimit.shared.begin()
        stops.tell(.signal(number))
      }
    }
  }

  private static func clearOrphans() {
    guard Children.clearOrphans() else { return }
    // One that a part of the program is about to wait for hides those behind it.
    try? DetachedThread.start("the thread that looks for ended children") {
      Clocks.pause(.milliseconds(200))
      kill(getpid(), SIGCHLD)
    }
  }

  static func name(_ signal: Int32) -> String {
    switch signal {
    case SIGTERM: "SIGTERM"
    case SIGINT: "SIGINT"
    case SIGUSR1: "SIGUSR1"
    case SIGUSR2: "SIGUSR2"
    default: "signal \(signal)"
    }
  }
}
