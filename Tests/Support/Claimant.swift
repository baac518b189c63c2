/// A program that takes what nodes claim in a network namespace, without being one.
///
/// Once it has it, it writes "taken" and goes on until it is ended.
package enum Claimant {
  /// The owner of its locks, as the kernel sees it.
  package enum Owner: String, Sendable {
    /// The process, as with nodes.
    case process
    /// The open file.
    case file
  }

  /// The command that starts it.
  ///
  /// - Parameters:
  ///   - places: the bytes to lock in the file of the namespace; all if left out.
  ///   - owner: whose the lock is.
  ///   - names: abstract Unix sockets to listen on.
  /// - Returns: a program and its arguments.
  package static func command(
    _ places: Range<Int64>? = nil, owner: Owner = .process, names: [String] = []
  ) -> [String] {
    let (start, count) = (places?.lowerBound ?? 0, places?.count ?? 0)
    return ["/usr/bin/python3", "-c", program, owner.rawValue, "\(start)", "\(count)"] + names
  }

  private static let program = """
    import fcntl, socket, struct, sys, time
    owner, start, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    file = open("/proc/self/ns/net")
    if owner == "file":
        # F_OFD_SETLK with struct flock: F_RDLCK, SEEK_SET
        fcntl.fcntl(file, 37, struct.pack("hhxxxxqqixxxx", 0, 0, start, count, 0))
    else:
        fcntl.lockf(file, fcntl.LOCK_SH, count, start)
    sockets = []
    for name in sys.argv[4:]:
        sockets.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        sockets[-1].bind("\\0" + name)
        sockets[-1].listen(16)
    print("taken", flush=True)
    time.sleep(3600)
    """
}
