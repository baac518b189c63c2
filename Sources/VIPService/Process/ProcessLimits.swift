import Glibc
import VIP

/// Whether the process is left enough of what it can't do without.
///
/// The runtime of the language ends the process where it gets no thread, descriptor or memory. So
/// it is tried before, while there is one thread and a sentence can still be said.
package enum ProcessLimits {
  /// A start needs 14 descriptors, each interface two or three more.
  private static let descriptorCount = 20
  /// The node's, the control socket's, the starter's, that of stopping, and those of the pool.
  private static let threadCount = 7
  /// The guard's area, and what a router or two need.
  private static let byteCount = 32 << 20

  /// Tries to get them all at once, and gives them back.
  ///
  /// - Throws: what there is too little of.
  package static func requireRoom() throws(ServiceError) {
    try requireDescriptors()
    try requireMemory()
    try requireThreads()
  }

  private static func requireDescriptors() throws(ServiceError) {
    var taken: [Int32] = []
    defer { for descriptor in taken { close(descriptor) } }
    for _ in 0..<descriptorCount {
      let descriptor = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
      guard descriptor >= 0 else {
        throw failure(
          errno, "the node needs \(descriptorCount) more open files", "'ulimit -n', LimitNOFILE=")
      }
      taken.append(descriptor)
    }
  }

  private static func requireMemory() throws(ServiceError) {
    let area = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let area, area != MAP_FAILED else {
      throw failure(
        errno, "the node needs \(byteCount >> 20) MiB more memory", "'ulimit -v', LimitAS=")
    }
    munmap(area, byteCount)
  }

  private static func requireThreads() throws(ServiceError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw failure(errno, "the node needs a pipe", "'ulimit -n'") }
    var threads: [pthread_t] = []
    var code: Int32 = 0
    for _ in 0..<threadCount where code == 0 {
      var thread = pthread_t()
      // Each waits until all are there.
      code = pthread_create(
        &thread, nil,
        { context in
          var byte: UInt8 = 0
          while read(Int32(Int(bitPattern: context)), &byte, 1) < 0, errno == EINTR {}
          return nil
        }, UnsafeMutableRawPointer(bitPattern: Int(ends[0])))
      if code == 0 { threads.append(thread) }
    }
    close(ends[1])
    for thread in threads { pthread_join(thread, nil) }
    close(ends[0])
    guard code == 0 else {
      throw failure(
        code, "the node needs \(threadCount) threads and gets \(threads.count)",
        "pids.max of the container, TasksMax=, 'ulimit -u', 'ulimit -v'")
    }
  }

  private static func failure(_ code: Int32, _ what: String, _ limits: String) -> ServiceError {
    ServiceError(
      .failed, "\(what) (\(String(cString: strerror(code)))); raise the limit: \(limits)")
  }
}
