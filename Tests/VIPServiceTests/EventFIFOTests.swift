import Glibc
import TestSupport
import Testing

@testable import VIPService

/// The named pipe on which programs read what happens.
@Suite struct EventFIFOTests {
  init() {
    // As in a node, see Signals.
    signal(SIGPIPE, SIG_IGN)
  }

  private func read(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 1 << 17)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  @Test func `a reader gets lines while it reads, and the file goes with the node`() throws {
    let folder = try TemporaryDirectory()
    let fifo = EventFIFO()
    try fifo.move(to: folder["pipe"])
    var status = stat()
    #expect(stat(folder["pipe"], &status) == 0 && status.st_mode == S_IFIFO | 0o600)
    // No program reads: nothing is kept, nothing waits.
    fifo.write { Array("lost".utf8) }
    for round in 1...2 {
      let reader = open(folder["pipe"], O_RDONLY | O_NONBLOCK | O_CLOEXEC)
      fifo.write { Array("line \(round)".utf8) }
      #expect(read(reader) == "line \(round)\n")
      close(reader)
      fifo.write { Array("lost".utf8) }
    }
    try fifo.move(to: folder["other"])
    #expect(access(folder["pipe"], F_OK) != 0 && access(folder["other"], F_OK) == 0)
    fifo.close()
    #expect(access(folder["other"], F_OK) != 0)
  }

  @Test func `a slow reader misses lines and holds nothing up`() throws {
    let folder = try TemporaryDirectory()
    let fifo = EventFIFO()
    try fifo.move(to: folder["pipe"])
    let reader = open(folder["pipe"], O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    defer { close(reader) }
    let line = Array(repeating: UInt8(ascii: "x"), count: 999)
    for _ in 0..<1000 { fifo.write { line } }
    let kept = read(reader).split(separator: "\n")
    #expect(!kept.isEmpty && kept.count < 200)
    // No line is cut.
    #expect(kept.allSatisfy { $0.utf8.count == 999 })
    fifo.write { Array("next".utf8) }
    #expect(read(reader) == "next\n")
    fifo.close()
  }

  @Test func `a pipe takes the place of another, or does not`() throws {
    let folder = try TemporaryDirectory()
    let fifo = EventFIFO()
    try fifo.move(to: folder["old"])
    let refused = try fifo.prepare(folder["new"])
    fifo.discard(refused)
    #expect(access(folder["old"], F_OK) == 0 && access(folder["new"], F_OK) != 0)
    fifo.adopt(try fifo.prepare(folder["old"]))
    #expect(access(folder["old"], F_OK) == 0)
    fifo.adopt(try fifo.prepare(folder["new"]))
    #expect(access(folder["old"], F_OK) != 0 && access(folder["new"], F_OK) == 0)
    fifo.adopt(try fifo.prepare(nil))
    #expect(access(folder["new"], F_OK) != 0)
  }

  @Test func `a pipe that others have removed is made again`() throws {
    let folder = try TemporaryDirectory()
    let fifo = EventFIFO()
    try fifo.move(to: folder["pipe"])
    let old = open(folder["pipe"], O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    fifo.write { Array("one".utf8) }
    #expect(unlink(folder["pipe"]) == 0)
    fifo.write { Array("two".utf8) }
    // Its reader goes on reading; when that has gone, the next one finds a pipe.
    #expect(read(old) == "one\ntwo\n")
    close(old)
    let reader = open(folder["pipe"], O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    fifo.write { Array("three".utf8) }
    #expect(read(reader) == "three\n")
    close(reader)
    // What others have put there instead stays.
    #expect(unlink(folder["pipe"]) == 0)
    try folder.write("precious", to: "pipe")
    fifo.write { Array("four".utf8) }
    fifo.close()
    #expect(readText(folder["pipe"]) == "precious")
  }

  @Test func `what is there and not ours stays`() throws {
    let folder = try TemporaryDirectory()
    try folder.write("precious", to: "file")
    let fifo = EventFIFO()
    let error = #expect(throws: ServiceError.self) { try fifo.move(to: folder["file"]) }
    #expect(error?.description.contains("is there already and no FIFO of ours") == true)
    #expect(throws: ServiceError.self) { try fifo.move(to: folder["none/pipe"]) }
    fifo.close()
    #expect(readText(folder["file"]) == "precious")
    // A dead node's pipe is no obstacle.
    #expect(mkfifo(folder["old"], 0o666) == 0)
    try fifo.move(to: folder["old"])
    fifo.close()
  }
}
