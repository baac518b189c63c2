import CLinux
import Synchronization
import VIPCore

/// Running before all ordinary work: the scheduling of the calling thread, and memory that stays.
///
/// The thread gets SCHED_FIFO with a low priority: before ordinary work, after the kernel's own
/// threads. Its children don't inherit it (SCHED_RESET_ON_FORK). The memory is locked page by page
/// as it is used (MCL_ONFAULT), since most of a program's address space is stacks and reservations
/// that it never touches; the program's own code is read in at once, so that the first takeover
/// does not wait for a disk.
///
/// A thread that nothing interrupts must not be able to stop a machine. A loop that is busy for
/// ``patience`` without a pause goes on as ordinary work until it has one (``Breather``); one that
/// hangs is ended by the kernel after ``runawayLimit`` (RLIMIT_RTTIME), which its guard takes for
/// what it is.
enum Realtime {
  /// The priority between 1 and 99; the kernel's threads for interrupts have 50.
  static let priority: Int32 = 10
  /// Time that the thread may be busy without a pause before it goes on as ordinary work.
  static let patience = Duration.milliseconds(500)
  /// Time until the kernel ends a process whose thread makes no pause at all.
  static let runawayLimit = Duration.seconds(2)

  /// Locks the memory of the process, after making sure that the threads of it may ask for
  /// real-time scheduling.
  ///
  /// - Throws: ``NodeError/Kind/notPermitted`` with what is missing and how to give it.
  static func prepare(_ wording: Wording) throws(NodeError) {
    try tryScheduling(wording)
    guard
      ProcessCapabilities.has(ProcessCapabilities.ipcLock)
        || vip_memory_lock_limit() == .max
    else { throw memoryError(nil, wording) }
    let failure = process.withLock { process -> Int32 in
      let failure = vip_lock_memory()
      guard failure == 0 else { return failure }
      if process.count == 0 {
        process.limitBefore = vip_limit_realtime(UInt64(runawayLimit / .microseconds(1)))
      }
      process.count += 1
      return 0
    }
    guard failure == 0 else { throw memoryError(failure, wording) }
    for (start, end) in programCode() { vip_populate(start, Int(end - start)) }
  }

  /// Tries on the calling thread what the node's thread will do.
  private static func tryScheduling(_ wording: Wording) throws(NodeError) {
    let before = vip_scheduling()
    // A flag against inheriting can't be taken back without the very capability.
    let flag = before & vip_sched_reset_on_fork
    let policy = vip_sched_fifo
    // The limit may be set already.
    guard before - flag != policy else { return }
    let code = vip_schedule(policy | flag, priority)
    guard code == 0 else { throw schedulingError(code, wording) }
    _ = vip_schedule(before, 0)
  }

  /// Puts back what ``prepare(_:)`` has changed about the process, once no loop of it needs that.
  static func release() {
    process.withLock { process in
      process.count -= 1
      guard process.count == 0 else { return }
      vip_unlock_memory()
      vip_unlimit_realtime(process.limitBefore)
    }
  }

  /// The number of loops in this process that run before ordinary work, and the limit it had before
  /// the first.
  private static let process = Mutex((count: 0, limitBefore: UInt64.max))

  /// Lets the calling thread run before ordinary work.
  static func begin() {
    _ = vip_schedule(
      vip_sched_fifo | vip_sched_reset_on_fork, priority)
    vip_set_timer_slack(1)
  }

  /// Makes the calling thread's work ordinary again; its niceness is what it was.
  static func end() {
    pause()
    vip_set_timer_slack(0)
  }

  /// Makes the thread's work ordinary as ``end()`` does, for a moment.
  static func pause() {
    _ = vip_schedule(vip_sched_other | vip_sched_reset_on_fork, 0)
  }

  /// The ranges of memory that hold the program's code.
  private static func programCode() -> [(UInt, UInt)] {
    // The program's own mappings come first, those of libraries and stacks follow.
    guard let bytes = readSmallFile("/proc/self/maps") else { return [] }
    var program: Substring?
    var ranges: [(UInt, UInt)] = []
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count >= 6, words[5].hasPrefix("/"), words[5] == program ?? words[5] else {
        break
      }
      program = words[5]
      let bounds = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
      if bounds.count == 2, words[1].hasPrefix("r-x") { ranges.append((bounds[0], bounds[1])) }
    }
    return ranges
  }

  // MARK: Refusals

  private static func schedulingError(_ code: Int32, _ wording: Wording) -> NodeError {
    guard ProcessCapabilities.has(ProcessCapabilities.sysNice) else {
      return NodeError(
        .notPermitted,
        "\(wording.realtime) needs CAP_SYS_NICE, which is missing; give it (systemd: AmbientCapabilities="
          + "CAP_SYS_NICE, Kubernetes: capabilities: add: [SYS_NICE]) or leave \(wording.realtime) out"
      )
    }
    return NodeError(
      .notPermitted,
      "\(wording.realtime) is refused although CAP_SYS_NICE is there (\(errorText(code))): the control group "
        + "has no real-time budget (cpu.rt_runtime_us), a filter forbids it (systemd: "
        + "RestrictRealtime=no), or the container is rootless; leave \(wording.realtime) "
        + "out there")
  }

  private static func memoryError(_ code: Int32?, _ wording: Wording) -> NodeError {
    let limit = vip_memory_lock_limit()
    let reason = code.map { " (\(errorText($0)))" } ?? ""
    return NodeError(
      .notPermitted,
      "\(wording.realtime) needs to lock memory, which is not permitted\(reason): CAP_IPC_LOCK is missing and "
        + "the limit is \(limit == .max ? "off" : "\(limit / 1024) KiB"); set it (systemd: "
        + "LimitMEMLOCK=infinity, Kubernetes: capabilities: add: [IPC_LOCK]) or leave "
        + "\(wording.realtime) out")
  }
}

/// Sees to it that a busy real-time thread lets others run.
struct Breather {
  /// The time when it last had nothing to do.
  private var restedAt = Instant.zero
  /// Whether its work counts as ordinary at the moment.
  private(set) var isPaused = false
  /// A wait that was shorter than this was none.
  private static let restMin = Duration.microseconds(50)

  /// Takes in that a wait is about to begin.
  ///
  /// - Returns: whether the thread is to run before ordinary work again, since it is about to wait.
  mutating func beginsWait(immediately: Bool) -> Bool {
    guard isPaused, !immediately else { return false }
    isPaused = false
    return true
  }

  /// Takes in that a wait is over.
  ///
  /// - Returns: whether the thread has been busy for so long that its work is now to be ordinary.
  mutating func endsWait(from start: Instant, to end: Instant) -> Bool {
    if restedAt == .zero || end - start >= Self.restMin {
      restedAt = end
      return false
    }
    guard !isPaused, end - restedAt > Realtime.patience else { return false }
    isPaused = true
    return true
  }
}
