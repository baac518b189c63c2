import Glibc
import TestSupport
import Testing
import VIP
import VIPCore
import VIPReports

@testable import VIPService

/// The forms of the log, and where it goes.
@Suite struct LogTests {
  private static let moment = Instant(nanoseconds: 1_795_428_000_123_999_999)
  private static let line = LogLine(
    .warning, "said \"so\"", fields: [("router", "web"), ("family", "ipv4"), ("n", "1")])

  @Test(arguments: [
    (
      LogFormat.logfmt, false,
      #"2026-11-23T10:00:00.123Z level=warning router=web family=ipv4 n=1 msg="said \"so\"""#
    ),
    (.logfmt, true, #"<4>router=web family=ipv4 n=1 msg="said \"so\"""#),
    (
      .json, false,
      #"{"family":"ipv4","level":"warning","msg":"said \"so\"","n":"1","router":"web","#
        + #""time":"2026-11-23T10:00:00.123Z"}"#
    ),
    (.text, false, #"2026-11-23T10:00:00.123Z warning: web ipv4: said "so" (n=1)"#),
    (.text, true, #"<4>warning: web ipv4: said "so" (n=1)"#),
  ])
  func `forms`(format: LogFormat, isJournal: Bool, text: String) {
    var output = LogOutput()
    output.format = format
    output.isJournal = isJournal
    #expect(output.text(Self.line, at: Self.moment) == text)
  }

  @Test func `the journal is known by its device and inode`() throws {
    let folder = try TemporaryDirectory()
    try folder.write("", to: "log")
    let descriptor = open(folder["log"], O_WRONLY | O_CLOEXEC)
    defer { close(descriptor) }
    var status = stat()
    fstat(descriptor, &status)
    let (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    #expect(LogOutput.isJournal("\(device):\(inode)", descriptor))
    for value in [nil, "", ":", "\(device)", "\(device):\(inode + 1)", "\(inode):\(device)x"] {
      #expect(!LogOutput.isJournal(value, descriptor), "\(value ?? "nil")")
    }
  }

  @Test func `a file is kept small, and what was last in it is kept`() throws {
    let folder = try TemporaryDirectory()
    let descriptor = open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer { close(descriptor) }
    let path = folder["log"]
    for life in 0..<2 {
      var file = LogFile(path: path, descriptor: descriptor, byteCountMax: 1000)
      try file.open()
      for number in 0..<150 {
        let line = Array("\(life) \(1000 + number)\n".utf8)
        #expect(write(descriptor, line, line.count) == line.count)
        file.grow(by: line.count)
      }
    }
    let (old, new) = (readText(path + ".1"), readText(path))
    #expect(old.utf8.count == 1001 && new.utf8.count < 1000)
    #expect((old + new).hasSuffix("1 1148\n1 1149\n"))
    // Nothing is missing in between.
    #expect((old + new).split(separator: "\n").count == 300 - 143)
    var other = LogFile(path: folder["none/log"], descriptor: descriptor)
    #expect(throws: NodeError.self) { try other.open() }
  }

  @Test func `a log that was deleted comes back, and stays small where it can't be set aside`()
    throws
  {
    let folder = try TemporaryDirectory()
    let descriptor = open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer { close(descriptor) }
    let path = folder["log"]
    var file = LogFile(path: path, descriptor: descriptor, byteCountMax: 1000)
    try file.open()
    func say(_ text: String) {
      file.reopenIfDeleted()
      #expect(write(descriptor, Array(text.utf8), text.utf8.count) == text.utf8.count)
      file.grow(by: text.utf8.count)
    }
    say("one\n")
    #expect(unlink(path) == 0)
    say("two\n")
    #expect(readText(path) == "two\n")
    #expect(mkdir(path + ".1", 0o700) == 0)
    for number in 0..<1000 { say("\(number)\n") }
    #expect(readText(path).utf8.count <= 1000 && readText(path).hasSuffix("\n998\n999\n"))
  }

  @Test func `a log whose directory is gone stays small, and comes back with the directory`()
    throws
  {
    let folder = try TemporaryDirectory()
    let descriptor = open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer { close(descriptor) }
    let path = folder["run/log"]
    #expect(mkdir(folder["run"], 0o700) == 0)
    var file = LogFile(path: path, descriptor: descriptor, byteCountMax: 1000)
    try file.open()
    func say(_ text: String) {
      file.reopenIfDeleted()
      #expect(write(descriptor, Array(text.utf8), text.utf8.count) == text.utf8.count)
      file.grow(by: text.utf8.count)
    }
    say("one\n")
    #expect(unlink(path) == 0 && rmdir(folder["run"]) == 0)
    for number in 0..<1000 {
      say("\(number)\n")
      var status = stat()
      #expect(fstat(descriptor, &status) == 0 && status.st_size <= 1000)
    }
    #expect(mkdir(folder["run"], 0o700) == 0)
    say("two\n")
    #expect(readText(path) == "two\n")
  }

  @Test(.timeLimit(.minutes(10)))
  func `a FIFO, a link or another's file is not taken for the log`() throws {
    let folder = try TemporaryDirectory()
    let descriptor = open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer { close(descriptor) }
    let path = folder["log"]
    try folder.write("precious", to: "other")
    for make in [
      { mkfifo(path, 0o600) }, { symlink(folder["other"], path) }, { link(folder["other"], path) },
      { mkdir(path, 0o700) },
    ] {
      #expect(make() == 0)
      let error = #expect(throws: NodeError.self) {
        var file = LogFile(path: path, descriptor: descriptor)
        try file.open()
      }
      #expect(error?.description.hasSuffix("; remove it, the node makes its own") == true)
      #expect(remove(path) == 0)
    }
    #expect(readText(folder["other"]) == "precious")
  }

  @Test func `a log that can't be used leaves no file of its own`() throws {
    let folder = try TemporaryDirectory()
    func attempt() {
      let error = #expect(throws: NodeError.self) {
        // No descriptor has that number.
        var file = LogFile(path: folder["log"], descriptor: -1)
        try file.open()
      }
      #expect(error?.kind == .system(errno: EBADF))
    }
    attempt()
    #expect(access(folder["log"], F_OK) != 0)
    try folder.write("kept\n", to: "log")
    attempt()
    #expect(readText(folder["log"]) == "kept\n")
  }
}
