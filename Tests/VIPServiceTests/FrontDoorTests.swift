import Foundation
import Glibc
import TestSupport
import Testing
import VIP
import VIPControl

@testable import VIPService

/// Files of a running node that others remove come back, and what others have put there is left
/// alone.
@Suite struct FrontDoorTests {
  private func ask(_ path: String) async throws -> [UInt8] {
    try await onThread {
      try ControlClient.exchange(
        Array("you".utf8), socketPath: RuntimeDirectory.socketPath(in: path),
        timeout: .seconds(600))
    }
  }

  private func openDoor(_ path: String) throws -> FrontDoor {
    let door = try FrontDoor(path, .refuse)
    try door.open(stream: { _ in nil }, { request, _ in request })
    return door
  }

  private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  @Test(.timeLimit(.minutes(10)))
  func `a socket, a pid file or the directory that is removed is made again`() async throws {
    let folder = try TemporaryDirectory()
    let path = folder["above/run"]
    let (socket, pid) = (RuntimeDirectory.socketPath(in: path), RuntimeDirectory.pidPath(in: path))
    let door = try openDoor(path)
    #expect(try !door.restore(), "nothing is missing")
    let losses: [@Sendable () throws -> Void] = [
      { #expect(unlink(socket) == 0) },
      { #expect(unlink(pid) == 0) },
      { try FileManager.default.removeItem(atPath: path) },
      { try FileManager.default.removeItem(atPath: folder["above"]) },
      {
        // Not ours any more, though the name is there.
        #expect(unlink(socket) == 0)
        try folder.write("", to: "above/run/vipctl.sock")
      },
    ]
    for lose in losses {
      try lose()
      #expect(try door.restore())
      #expect(try await ask(path) == Array("you".utf8))
      #expect(readText(pid) == "\(getpid())\n")
      var status = stat()
      for file in [socket, pid] {
        #expect(stat(file, &status) == 0 && status.st_mode & 0o7777 == 0o600)
      }
      let error = #expect(throws: NodeError.self) { try RuntimeDirectory(path: path) }
      #expect(error?.kind == .alreadyRunning)
      #expect(try !door.restore() && door.isReachable)
    }
    await door.finish()
    door.leave()
    #expect(!exists(socket) && !exists(pid))
    #expect(try !door.restore() && !exists(pid), "a node that has ended makes nothing")
  }

  @Test(.timeLimit(.minutes(10)))
  func `another node that has the directory by now keeps it`() async throws {
    let folder = try TemporaryDirectory()
    let path = folder["run"]
    let door = try openDoor(path)
    #expect(door.isHeld)
    try FileManager.default.removeItem(atPath: path)
    #expect(!door.isHeld && !door.lacksAddresses, "nothing is to be written there for now")
    let other = try openDoor(path)
    #expect(!door.isHeld && !door.lacksAddresses && other.isHeld && other.lacksAddresses)
    let error = #expect(throws: NodeError.self) { try door.restore() }
    #expect(error?.kind == .alreadyRunning)
    #expect(error?.description.contains("already runs on \(path)") == true)
    #expect(!door.isReachable)
    await door.finish()
    door.leave()
    #expect(other.isReachable)
    #expect(try await ask(path) == Array("you".utf8))
    #expect(exists(RuntimeDirectory.pidPath(in: path)))
    await other.finish()
    other.leave()
  }

  @Test func `a directory that others may change by now is not used`() async throws {
    let folder = try TemporaryDirectory()
    let path = folder["run"]
    let door = try openDoor(path)
    try folder.write("", to: "run/other")
    #expect(unlink(RuntimeDirectory.socketPath(in: path)) == 0 && chmod(path, 0o777) == 0)
    let error = #expect(throws: NodeError.self) { try door.restore() }
    #expect(error?.description.contains("others may write to the directory") == true)
    #expect(!exists(RuntimeDirectory.socketPath(in: path)))
    #expect(chmod(path, 0o755) == 0)
    #expect(try door.restore())
    await door.finish()
    door.leave()
  }

  @Test(.timeLimit(.minutes(10)))
  func `a link that others point elsewhere later leads a node to no other directory`()
    async throws
  {
    let folder = try TemporaryDirectory()
    let (real, other, link) = (folder["run"], folder["other"], folder["link"])
    #expect(mkdir(real, 0o755) == 0 && mkdir(other, 0o755) == 0)
    #expect(symlink("run", link) == 0)
    let door = try openDoor(link)
    #expect(door.path == real && door.addressesPath == RuntimeDirectory.addressesPath(in: real))

    #expect(unlink(link) == 0 && symlink("other", link) == 0)
    #expect(try door.isHeld && !door.restore(), "nothing is missing where it is")
    try FileManager.default.removeItem(atPath: real)
    #expect(try door.restore())
    #expect(try await ask(real) == Array("you".utf8))

    // In the directory's own place, too.
    try FileManager.default.removeItem(atPath: real)
    #expect(symlink("other", real) == 0)
    let error = #expect(throws: NodeError.self) { try door.restore() }
    #expect(error?.description.contains("\(real) is a symbolic link to \(other) now") == true)
    #expect(unlink(real) == 0)
    #expect(try door.restore())

    await door.finish()
    door.leave()
    #expect(try FileManager.default.contentsOfDirectory(atPath: real).isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: other).isEmpty)
  }

  @Test func `a list of addresses that is gone is noticed`() async throws {
    let folder = try TemporaryDirectory()
    let door = try openDoor(folder["run"])
    #expect(door.lacksAddresses)
    try folder.write("", to: "run/vipctl.addresses")
    #expect(!door.lacksAddresses)
    await door.finish()
    door.leave()
  }
}
