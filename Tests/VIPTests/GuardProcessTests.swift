import Glibc
import TestSupport
import Testing
import VIP

/// Real guard processes with nothing to guard.
@Suite(.enabled(if: geteuid() == 0, "a guard needs the capabilities of root"))
struct GuardProcessTests {
  private let area: GuardArea
  private let process = LinuxGuardProcess()

  init() throws {
    area = try GuardArea()
  }

  private func next() throws -> GuardNews {
    try eventually("there are news of the guard", poll: .milliseconds(1)) {
      let news = process.news()
      return news == .none ? nil : news
    }
  }

  private func start() throws -> Int32 {
    _ = try process.start(area)
    #expect(try next() == .isReady)
    return try #require(process.pid)
  }

  private func exists(_ pid: Int32) -> Bool { kill(pid, 0) == 0 }

  @Test func `a dismissed guard is gone, not even a zombie is left`() throws {
    let pid = try start()
    #expect(exists(pid))
    #expect(process.dismiss() == "signal 9")
    #expect(!exists(pid) && process.pid == nil)
  }

  @Test func `a stopped guard is dismissed like any other`() throws {
    let pid = try start()
    kill(pid, SIGSTOP)
    #expect(process.dismiss() == "signal 9")
    #expect(!exists(pid))
  }

  @Test func `a guard that is released does its work and ends by itself`() throws {
    let pid = try start()
    process.release()
    #expect(!exists(pid) && process.pid == nil)
  }

  /// The kernel refuses the process itself here, for which it needs a descriptor of its own.
  @Test func `a guard that can't be started leaves nothing open and no signal blocked`()
    async throws
  {
    // In a process of its own, which has two descriptors left for a while.
    await #expect(processExitsWith: .success) {
      let area = try GuardArea()
      let process = LinuxGuardProcess()
      var limit = rlimit()
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      #expect(getrlimit(resource, &limit) == 0)
      limit.rlim_cur = min(limit.rlim_cur, 256)
      #expect(setrlimit(resource, &limit) == 0)
      func takeAll() -> [Int32] {
        var taken: [Int32] = []
        while true {
          let last = open("/dev/null", O_RDONLY | O_CLOEXEC)
          guard last >= 0 else { return taken }
          taken.append(last)
        }
      }
      var taken = takeAll()
      for descriptor in taken.suffix(2) { close(descriptor) }
      taken.removeLast(2)
      // A test may run in a thread that has some blocked.
      func blockedSignals() -> [Int32] {
        var blocked = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &blocked)
        return (1..<65).filter { sigismember(&blocked, $0) == 1 }
      }
      let before = blockedSignals()
      let error = #expect(throws: NodeError.self) { _ = try process.start(area) }
      let rest = takeAll()
      for descriptor in taken + rest { close(descriptor) }
      #expect(error?.kind == .system(errno: EMFILE))
      #expect(error?.description == "start a guard process: Too many open files")
      #expect(rest.count == 2, "\(rest)")
      #expect(process.pid == nil)
      #expect(process.news() == .none)
      #expect(blockedSignals() == before)
      // Another attempt finds all that it needs.
      _ = try process.start(area)
      #expect(process.dismiss() == "signal 9")
    }
  }

  @Test func `no signal ends a guard but SIGKILL, of which its node hears`() throws {
    let pid = try start()
    for signal in [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGALRM, SIGPIPE, SIGSEGV] {
      kill(pid, signal)
    }
    usleep(20_000)
    #expect(process.news() == .none)
    kill(pid, SIGKILL)
    #expect(try next() == .hasEnded)
    #expect(process.dismiss() == "signal 9")
  }

  @Test func `a guard has what it needs and no more`() throws {
    let pid = try start()
    func text(_ name: String) throws -> String {
      let file = try #require(fopen("/proc/\(pid)/\(name)", "r"))
      defer { fclose(file) }
      var bytes = [UInt8](repeating: 0, count: 65_536)
      let count = fread(&bytes, 1, bytes.count, file)
      return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
    #expect(try text("comm") == "vipctl-guard\n")
    #expect(try text("cmdline").prefix { $0 != "\0" } == "vipctl-guard")
    let status = try text("status")
    #expect(status.contains("CapPrm:\t0000000000001000\n"))
    #expect(status.contains("CapEff:\t0000000000001000\n"))
    #expect(status.contains("NoNewPrivs:\t1\n"))
    #expect(getsid(pid) == pid)
    // The runtime of a sanitizer needs all its memory; the guard then keeps it.
    guard dlsym(nil, "__tsan_init") == nil, dlsym(nil, "__asan_init") == nil else { return }
    let maps = try text("maps").split(separator: "\n")
    #expect(!maps.contains { $0.contains("[heap]") })
    // The only memory it shares is the area.
    #expect(maps.filter { $0.contains(" rw-s ") || $0.contains(" r--s ") }.count == 1)
    process.dismiss()
  }
}
