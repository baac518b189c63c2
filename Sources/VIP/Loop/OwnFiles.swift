import Glibc

/// Files and directories on which a node relies: no other user may have made them or write to them.
package enum OwnFiles {
  /// Opens a regular file that is this user's alone; a new one has the mode 0600, and so has one
  /// that was there.
  ///
  /// Never waits (for the other end of a FIFO), and follows no symbolic link.
  ///
  /// - Returns: the descriptor; `nil` if there is none and none is to be made.
  package static func open(_ path: String, _ flags: Int32) throws(NodeError) -> Int32? {
    let flags = flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
    let file = Glibc.open(path, flags, 0o600)
    guard file >= 0 else {
      switch errno {
      case ENOENT where flags & O_CREAT == 0: return nil
      case ELOOP, ENXIO, EISDIR: throw NodeError(.system(errno: errno), refusal(path, "no file"))
      default: throw .system(errno, "open \(path)")
      }
    }
    var status = stat()
    var reason: String?
    guard fstat(file, &status) == 0 else {
      let code = errno
      close(file)
      // One without content may have been made here just now.
      if flags & O_CREAT != 0, lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
        status.st_size == 0
      {
        unlink(path)
      }
      throw .system(code, "look at \(path)")
    }
    if status.st_mode & S_IFMT != S_IFREG {
      reason = "no file"
    } else if status.st_uid != geteuid() {
      reason = "owned by user \(status.st_uid)"
    } else if status.st_nlink > 1 {
      reason = "a file with other names (hard links)"
    } else if status.st_mode & 0o177 != 0, fchmod(file, 0o600) != 0 {
      reason = "readable by others"
    }
    guard let reason else { return file }
    close(file)
    throw NodeError(.system(errno: EPERM), refusal(path, reason))
  }

  private static func refusal(_ path: String, _ reason: String) -> String {
    "\(path) is \(reason); remove it, the node makes its own"
  }

  /// Refuses a directory in which others could put files of their own, or which they could move
  /// away.
  ///
  /// That is: it is this user's, only its owner may write to it, and each directory above is root's
  /// or this user's, and writable by others only where they can't touch what is not theirs (as
  /// `/tmp`). One of this user's that others may write to becomes the user's own if nothing else is
  /// in it.
  ///
  /// - Returns: the path of the directory without symbolic links, which others might point
  ///   elsewhere later.
  package static func require(directory path: String) throws(NodeError) -> String {
    guard let real = realpath(path, nil) else { throw .system(errno, "find \(path)") }
    defer { free(real) }
    let full = String(cString: real)
    let user = geteuid()
    var status = stat()
    guard lstat(full, &status) == 0 else { throw .system(errno, "look at \(full)") }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw NodeError(.system(errno: ENOTDIR), "\(full) is no directory; name another one")
    }
    guard status.st_uid == user else {
      throw NodeError(
        .system(errno: EPERM),
        "the directory \(full) is owned by user \(status.st_uid), not by \(user), which runs the node; "
          + "remove it, chown it or name another one")
    }
    // A volume of a container comes open to all and empty: it becomes the node's own.
    guard status.st_mode & 0o022 == 0 || isVacant(full) && chmod(full, 0o755) == 0 else {
      // Where others can touch only what is theirs, as in /tmp, it is open to all on purpose, and
      // one inside it is safe; elsewhere they could replace that.
      let remedy = status.st_mode & 0o1000 != 0 ? "name one inside it" : "'chmod go-w' it"
      throw NodeError(
        .system(errno: EPERM), "others may write to the directory \(full); \(remedy)")
    }
    for folder in foldersAbove(full) where !isSafe(folder, for: user, sticky: true) {
      throw NodeError(
        .system(errno: EPERM),
        "others may replace the directory \(full), since \(folder) is theirs to change; name "
          + "another one")
    }
    return full
  }

  /// Whether a directory holds nothing but a node's files, and is none that all programs share.
  private static func isVacant(_ path: String) -> Bool {
    guard !["/tmp", "/var/tmp", "/dev/shm", "/run/lock"].contains(path),
      let folder = opendir(path)
    else { return false }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name == "." || name == ".." || name.hasPrefix("vipctl.") else { return false }
    }
    return true
  }

  /// Whether root has given a directory to a user: no other user can have put it where it is.
  package static func isGiven(directory path: String, to user: UInt32) -> Bool {
    guard let real = realpath(path, nil) else { return false }
    defer { free(real) }
    let full = String(cString: real)
    var status = stat()
    guard lstat(full, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return false }
    return status.st_uid == user && status.st_mode & 0o022 == 0
      && foldersAbove(full).allSatisfy { isSafe($0, for: 0, sticky: false) }
  }

  /// Whether only root and a user can change what is in a directory.
  private static func isSafe(_ path: String, for user: UInt32, sticky: Bool) -> Bool {
    var status = stat()
    guard lstat(path, &status) == 0 else { return false }
    guard status.st_mode & 0o022 == 0 || sticky && status.st_mode & 0o1000 != 0 else {
      return false
    }
    return status.st_uid == 0 || status.st_uid == user
  }

  private static func foldersAbove(_ path: String) -> [String] {
    var folders = ["/"]
    for part in path.split(separator: "/").dropLast() {
      folders.append((folders.last == "/" ? "/" : (folders.last ?? "") + "/") + part)
    }
    return folders
  }
}
