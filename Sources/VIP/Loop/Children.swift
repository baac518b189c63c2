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
  private static let awaited = Mutex<Set<Int32>>([])

  /// Starts a child whose end the caller will wait for, by its number.
  ///
  /// - Parameter start: starts it, and returns its number; no child is cleared away meanwhile.
  /// - Returns: its number.
  /// - Throws: what starting it has thrown.
  package static func start<Failure: Error>(
    _ start: () throws(Failure) -> Int32
  ) throws(Failure) -> Int32 {
    // Not Mutex.withLock around a call that throws a type of its own.
    var failure: Failure?
    let pid = awaited.withLock { pids -> Int32 in
      do throws(Failure) {
        let pid = try start()
        pids.insert(pid)
        return pid
      } catch {
        failure = error
        return -1
      }
    }
    if let failure { throw failure }
    return pid
  }

  /// Notes that a child has been waited for.
  package static func finished(_ pid: Int32) {
    awaited.withLock { _ = $0.remove(pid) }
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
    awaited.withLock { pids in
      while true {
        let pid = next()
        guard pid > 0 else { return false }
        guard !pids.contains(pid) else { return true }
        guard clear(pid) else { return false }
      }
    }
  }
}
