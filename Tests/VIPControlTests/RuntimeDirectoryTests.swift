import Glibc
import TestSupport
import Testing
import VIP
import VIPControl

/// What others have put there, or could change, is refused with the reason; nothing of it is
/// changed.
@Suite struct RuntimeDirectoryTests {
  private static let stranger: uid_t = 65_534

  private func refusal(_ path: String) -> String? {
    do {
      _ = try RuntimeDirectory(path: path)
      return nil
    } catch {
      return error.description
    }
  }

  private func mode(_ path: String) -> mode_t? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
  }

  @Test func `its files are the user's own, and so is what an older version has left`() throws {
    let folder = try TemporaryDirectory()
    let path = folder["run"]
    #expect(mkdir(path, 0o755) == 0)
    try folder.write("1\n", to: "run/vipctl.pid")
    #expect(chmod(RuntimeDirectory.pidPath(in: path), 0o644) == 0)
    let directory = try RuntimeDirectory(path: path)
    #expect(mode(RuntimeDirectory.pidPath(in: path)) == 0o600)
    #expect(refusal(path)?.contains("already runs on") == true)
    withExtendedLifetime(directory) {}
  }

  @Test(arguments: [0o775, 0o757, 0o777, 0o1777] as [mode_t])
  func `a directory that others may write to is refused`(mode: mode_t) throws {
    let folder = try TemporaryDirectory()
    #expect(mkdir(folder["run"], 0o700) == 0 && chmod(folder["run"], mode) == 0)
    try folder.write("", to: "run/other")
    let reason = try #require(refusal(folder["run"]))
    #expect(reason.contains("others may write to the directory"))
    #expect(self.mode(folder["run/vipctl.pid"]) == nil)
    // What it proposes helps, and is the only thing that it proposes.
    let isSticky = mode & 0o1000 != 0
    #expect(reason.hasSuffix(isSticky ? "; name one inside it" : "; 'chmod go-w' it"))
    #expect((refusal(folder["run/inside"]) == nil) == isSticky)
    #expect(chmod(folder["run"], mode & ~0o022) == 0)
    #expect(refusal(folder["run"]) == nil)
  }

  @Test(arguments: [0o775, 0o777, 0o1777] as [mode_t])
  func `an empty directory of the user's, as volumes of containers are, becomes its own`(
    mode: mode_t
  ) throws {
    let folder = try TemporaryDirectory()
    #expect(mkdir(folder["run"], 0o700) == 0 && chmod(folder["run"], mode) == 0)
    #expect(refusal(folder["run"]) == nil)
    #expect(self.mode(folder["run"]) == 0o755)
  }

  @Test func `a directory that others may replace is refused`() throws {
    let folder = try TemporaryDirectory()
    #expect(mkdir(folder["open"], 0o700) == 0 && chmod(folder["open"], 0o777) == 0)
    #expect(refusal(folder["open/run"])?.contains("open is theirs to change") == true)
    // Where a user can touch only his own files, a directory in it is good enough.
    #expect(chmod(folder["open"], 0o1777) == 0)
    #expect(refusal(folder["open/run"]) == nil)
  }

  @Test(.enabled(if: geteuid() == 0))
  func `a directory or a file of another user is refused`() throws {
    let folder = try TemporaryDirectory()
    let path = folder["run"]
    #expect(mkdir(path, 0o755) == 0 && chown(path, Self.stranger, Self.stranger) == 0)
    #expect(refusal(path)?.contains("is owned by user 65534, not by 0") == true)
    #expect(chown(path, 0, 0) == 0)
    try folder.write("", to: "run/vipctl.pid")
    #expect(chown(RuntimeDirectory.pidPath(in: path), Self.stranger, Self.stranger) == 0)
    #expect(refusal(path)?.contains("vipctl.pid is owned by user 65534; remove it") == true)
    #expect(refusal(folder["run/vipctl.pid"])?.contains("vipctl.pid is no directory") == true)
  }

  @Test(.timeLimit(.minutes(10)))
  func `what is no file of its own in the place of the pid file is refused`() throws {
    let folder = try TemporaryDirectory()
    let path = folder["run"]
    let pid = RuntimeDirectory.pidPath(in: path)
    #expect(mkdir(path, 0o755) == 0)
    try folder.write("precious", to: "other")

    #expect(link(folder["other"], pid) == 0)
    #expect(refusal(path)?.contains("is a file with other names (hard links); remove it") == true)
    #expect(readText(folder["other"]) == "precious")
    unlink(pid)

    #expect(symlink(folder["other"], pid) == 0)
    #expect(refusal(path)?.contains("is no file; remove it") == true)
    #expect(readText(folder["other"]) == "precious")
    unlink(pid)

    #expect(mkfifo(pid, 0o600) == 0)
    #expect(refusal(path)?.contains("is no file; remove it") == true)
    unlink(pid)

    #expect(mkdir(pid, 0o700) == 0)
    #expect(refusal(path)?.contains("is no file; remove it") == true)
    rmdir(pid)

    #expect(mkdir(RuntimeDirectory.socketPath(in: path), 0o700) == 0)
    #expect(refusal(path)?.contains("is in the place of the control socket") == true)
    #expect(mode(pid) == nil, "nothing is left behind")
    rmdir(RuntimeDirectory.socketPath(in: path))
    #expect(refusal(path) == nil)
  }

  /// A client asks this when a node no longer answers; others may be at the directory by then.
  @Test(.timeLimit(.minutes(10)))
  func `a pid file is looked at without a wait, and no other file is read in its place`() throws {
    let folder = try TemporaryDirectory()
    let path = folder["run"]
    let pid = RuntimeDirectory.pidPath(in: path)
    #expect(mkdir(path, 0o755) == 0)
    #expect(!RuntimeDirectory.isHeld(path, by: 7), "there is none")

    try folder.write("7\n", to: "run/vipctl.pid")
    #expect(RuntimeDirectory.isHeld(path, by: 7) && !RuntimeDirectory.isHeld(path, by: 8))
    unlink(pid)

    try folder.write("7\n", to: "other")
    #expect(symlink(folder["other"], pid) == 0)
    #expect(!RuntimeDirectory.isHeld(path, by: 7), "a symbolic link")
    unlink(pid)

    #expect(mkfifo(pid, 0o600) == 0)
    #expect(!RuntimeDirectory.isHeld(path, by: 7), "a FIFO without a writer")
    let writer = open(pid, O_RDWR | O_CLOEXEC)
    #expect(write(writer, "7\n", 2) == 2)
    #expect(!RuntimeDirectory.isHeld(path, by: 7), "a FIFO with a writer")
    close(writer)
  }

  @Test(.enabled(if: geteuid() == 0), .timeLimit(.minutes(10)))
  func `nothing is asked of a stranger that listens in the node's place`() async throws {
    let folder = try TemporaryDirectory()
    let path = folder["run"]
    #expect(mkdir(path, 0o755) == 0)
    #expect(chmod(folder.path, 0o755) == 0 && chown(path, Self.stranger, Self.stranger) == 0)
    // In a process of its own, which is another user's for a while.
    await #expect(processExitsWith: .success) { [path = path as String] in
      let socketPath = RuntimeDirectory.socketPath(in: path)
      #expect(seteuid(RuntimeDirectoryTests.stranger) == 0)
      let listener = try UnixSocket.open(nonBlocking: true)
      #expect(UnixAddress(path: socketPath)?.bind(listener.raw) == 0)
      #expect(listen(listener.raw, 8) == 0)
      #expect(seteuid(0) == 0)
      let error = #expect(throws: ControlClientError.self) {
        try ControlClient.exchange([65], socketPath: socketPath, timeout: .seconds(600))
      }
      #expect(error?.description.contains("user 65534 listens on \(socketPath)") == true)
      let client = accept(listener.raw, nil, nil)
      var byte: UInt8 = 0
      #expect(read(client, &byte, 1) == 0, "the password was told")
    }
  }
}
