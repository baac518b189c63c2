import CLinux
import Glibc
import Synchronization

/// The children of this process: those that the program waits for, and those that others have left
/// behind.
///
/// The first process of a container inherits every process whose parent has ended, and has to wait
/// for its end, or its entry stays without end. It must not wait for a child whose end a part of
/// the program wants to know, so these are noted here. The guard needs no note: its end is not
/// reported as a child's, see `guard.h`.
package enum Children {
  private struct Notes {
    var awaited: Set<Int32> = []
    /// Those that are being started, which may take as long as a file system wants.
    var starting: [StartingChild] = []

    /// Whether the program waits for a child, or is about to.
    func claim(_ pid: Int32) -> Bool {
      awaited.contains(pid) || starting.contains { $0.pid == pid }
    }
  }

  private static let notes = Mutex(Notes())

  /// Starts a child whose end the caller will wait for, by its number.
  ///
  /// No other child, and no thread, waits while one is being started.
  ///
  /// - Parameters:
  ///   - child: what it leaves its number in as soon as there is one, and may be ended by.
  ///   - start: starts it, and returns its number.
  /// - Returns: its number.
  /// - Throws: what starting it has thrown.
  package static func start<Failure: Error>(
    _ child: StartingChild = StartingChild(), _ start: () throws(Failure) -> Int32
  ) throws(Failure) -> Int32 {
    notes.withLock { $0.starting.append(child) }
    func end(_ pid: Int32?) {
      notes.withLock { notes in
        if let pid { notes.awaited.insert(pid) }
        notes.starting.removeAll { $0 === child }
        child.forget()
      }
    }
    do throws(Failure) {
      let pid = try start()
      end(pid)
      return pid
    } catch {
      end(nil)
      throw error
    }
  }

  /// Notes that a child has been waited for.
  package static func finished(_ pid: Int32) {
    notes.withLock { _ = $0.awaited.remove(pid) }
  }

  /// Clears away the ended children that the program does not wait for.
  ///
  /// - Returns: whether there may be more behind one that the program is about to wait for.
  package static func clearOrphans() -> Bool {
    clearOrphans(next: { vip_ended_child() }, clear: { waitpid($0, nil, WNOHANG) == $0 })
  }

  /// The same with other system calls.
  ///
  /// - Parameters:
  ///   - next: a child that has ended; 0 if there is none.
  ///   - clear: waits for it; tells whether that has worked.
  /// - Returns: whether there may be more.
  static func clearOrphans(next: () -> Int32, clear: (Int32) -> Bool) -> Bool {
    notes.withLock { notes in
      while true {
        let pid = next()
        guard pid > 0 else { return false }
        guard !notes.claim(pid) else { return true }
        guard clear(pid) else { return false }
      }
    }
  }
}

/// A child that is being started: its number, as soon as it has one.
///
/// Starting a program may take as long as the file system that it is on wants.
package final class StartingChild: @unchecked Sendable {
  /// The place for the number, in memory that a child shares unless there is none; used with atomic
  /// calls only.
  let number: UnsafeMutablePointer<Int32>
  private let isShared: Bool
  private static let size = MemoryLayout<Int32>.size

  /// Makes one that has no number yet.
  package init() {
    let memory = mmap(
      nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
    if let memory, memory != MAP_FAILED {
      number = memory.assumingMemoryBound(to: Int32.self)
      isShared = true
    } else {
      number = .allocate(capacity: 1)
      isShared = false
    }
    vip_set_number(number, 0)
  }

  deinit {
    if isShared { munmap(number, Self.size) } else { number.deallocate() }
  }

  /// The number of its process; 0 if it has none yet, or is started.
  var pid: Int32 { vip_number(number) }

  /// Ends it if it is still being started.
  package func end() {
    let pid = pid
    if pid > 0 { kill(pid, SIGKILL) }
  }

  /// Forgets the number, which belongs to the program from now on.
  fileprivate func forget() { vip_set_number(number, 0) }
}
