import Foundation
import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// A node that can't start says why in one line, and leaves nothing behind.
  ///
  /// A library that is loaded before all others makes one call after the other fail.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct StartFailureTests {
    private static let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    private static let errors = [EMFILE, ENOSPC, EACCES, ENOMEM, EADDRINUSE]
    /// What the runtime of the language asks for before the first line of the program, and ends
    /// the process without.
    private static let ofTheRuntime: Set = ["epoll_create1", "eventfd", "epoll_ctl"]

    private let segment: Segment
    private let library: String
    private var machine: LabNode { segment.nodes[0] }
    private var vip: String { "\(segment.virtualAddress(.ipv4))/24" }

    init() throws {
      segment = try Segment(nodes: 1)
      library = segment.directory["failing_calls.so"]
      let source = Self.root.appending(path: "Tests/NetworkTests/Program/failing_calls.c").path
      let arguments = [
        "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", source, "-o", library, "-ldl",
      ]
      if try run(["gcc"] + arguments, within: .seconds(60)).status != 0 {
        try check(["clang", "-fuse-ld=lld"] + arguments, within: .seconds(60))
      }
    }

    /// The program that was built beside the tests, and the optimised one if it is of these
    /// sources.
    private static let programs: [String] = {
      let release = root.appending(path: ".build/release/vipctl").path
      func age(_ path: String) -> Date {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return attributes?[.modificationDate] as? Date ?? .distantPast
      }
      let folder = root.appending(path: "Sources").path
      let sources = FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? []
      let newest = sources.map { age("\(folder)/\($0)") }.max() ?? .distantFuture
      return [VipctlNode.binary] + (age(release) > newest ? [release] : [])
    }()

    /// A start of which a call fails.
    private struct Attempt {
      let number: Int
      let folder: TemporaryDirectory
      let environment: [String]
      var runtime: String { folder["rt"] }
      /// The call that has failed; `nil` if it has not come to it.
      var call: String? {
        readText(folder["note"]).split(separator: "\n").first.map(String.init)
      }

      init(_ number: Int, in word: String, _ library: String, only call: String? = nil) throws {
        self.number = number
        folder = try TemporaryDirectory()
        let code = errors[number % errors.count]
        environment =
          [
            "env", "SWIFT_BACKTRACE=enable=no", "LD_PRELOAD=\(library)", "VIP_FAIL_IN=\(word)",
            "VIP_FAIL_AT=\(number)",
            "VIP_FAIL_WITH=\(code)", "VIP_FAIL_NOTE=\(folder["note"])",
          ] + (call.map { ["VIP_FAIL_CALL=\($0)"] } ?? [])
      }
    }

    private func router(_ attempt: Attempt) -> [String] {
      [
        vip, "-i", "eth0", "--vrid", "7", "--name", "web", "--interval", "100ms", "--no-probe",
        "--runtime-dir", attempt.runtime,
      ]
    }

    private func expectNothingLeft(_ attempt: Attempt, _ what: Comment, log: Bool) throws {
      try eventually("\(what): its processes end") {
        try machine.namespace.processes().isEmpty
      }
      let isTakenOver = Self.ofTheRuntime.contains(attempt.call ?? "")
      if isTakenOver { try expectTakenOver(attempt, what) }
      let files = (try? FileManager.default.contentsOfDirectory(atPath: attempt.runtime)) ?? []
      #expect(files.filter { !(log || isTakenOver) || $0 != "vipctl.log" }.isEmpty, what)
      #expect(try !machine.holds(segment.virtualAddress(.ipv4)), what)
    }

    /// A process that the runtime ended could remove nothing; the next node does.
    private func expectTakenOver(_ attempt: Attempt, _ what: Comment) throws {
      for command in [
        ["up"] + router(attempt), ["down", "--all", "--runtime-dir", attempt.runtime],
      ] {
        let result = try machine.namespace.run(
          [VipctlNode.binary] + command, within: .seconds(60))
        #expect(result.status == 0, "\(what), then: \(result)")
      }
      try eventually("\(what): the next node ends") {
        try machine.namespace.processes().isEmpty
      }
    }

    private func expectOneLine(_ errors: String, _ what: Comment) {
      #expect(errors.hasPrefix("vipctl: ") && errors.split(separator: "\n").count == 1, what)
    }

    @Test("Any call of a background node's start fails: one line, and nothing is left")
    func backgroundNode() throws {
      for program in Self.programs {
        for number in 1...1000 {
          let attempt = try Attempt(number, in: "background-node", library)
          let result = try machine.namespace.run(
            attempt.environment + [program, "up"] + router(attempt), within: .seconds(60))
          let call = attempt.call
          let what: Comment = "\(program) \(number) \(call ?? "none"): \(result)"
          if result.status == 0 {
            let down = try machine.namespace.run(
              [program, "down", "--all", "--runtime-dir", attempt.runtime], within: .seconds(60))
            // The one call may be the one by which the node lets this client in.
            if call != nil { #expect(down.status == 0, "\(what) \(down)") }
          } else {
            #expect(result.status == 1 || result.status == 77, what)
            expectOneLine(result.errors, what)
            let hasCrashed = result.errors.contains("(signal ")
            #expect(!hasCrashed || Self.ofTheRuntime.contains(call ?? ""), what)
          }
          if call == nil {
            machine.namespace.killAll()
            break
          }
          try expectNothingLeft(attempt, what, log: result.status == 0)
        }
      }
    }

    @Test("Any call of the process that starts a node fails: one line, and nothing is left")
    func starter() throws {
      for program in Self.programs {
        for number in 1...1000 {
          let attempt = try Attempt(number, in: "up", library)
          let result = try machine.namespace.run(
            attempt.environment + [program, "up"] + router(attempt), within: .seconds(60))
          let what: Comment = "\(program) \(number) \(attempt.call ?? "none"): \(result)"
          if result.status != 0 { expectOneLine(result.errors, what) }
          #expect(result.status == 0 || result.status == 1, what)
          // What it asked for may have been done although it did not get the answer.
          _ = try machine.namespace.run(
            [program, "down", "--all", "--runtime-dir", attempt.runtime], within: .seconds(60))
          try expectNothingLeft(attempt, what, log: true)
          if attempt.call == nil { break }
        }
      }
    }

    @Test("Any call of the start in the foreground fails: one line, and nothing is left")
    func foreground() throws {
      for program in Self.programs {
        for number in 1...1000 {
          let attempt = try Attempt(number, in: "run", library)
          let process = try machine.namespace.start(
            attempt.environment + [program, "run"] + router(attempt),
            logPath: attempt.folder["log"])
          try eventually("\(number): it runs or ends") {
            // The call that fails may be the one that writes the first line.
            !process.isRunning || process.log.contains("level=info")
          }
          let call = attempt.call
          let what: Comment = "\(program) \(number) \(call ?? "none"): \(process.log)"
          if process.log.contains("level=info") {
            process.signal(SIGTERM)
            #expect(process.waitForExit(within: .seconds(30)) == 0, what)
          } else if !Self.ofTheRuntime.contains(call ?? "") {
            #expect(process.exitStatus == 1 || process.exitStatus == 77, what)
            expectOneLine(process.log.split(separator: "\n").last.map { "\($0)\n" } ?? "", what)
          }
          try expectNothingLeft(attempt, what, log: false)
          if call == nil { break }
        }
      }
    }

    @Test("Too few open files, threads or memory: one line instead of a crash or a hang")
    func limits() throws {
      let folder = try TemporaryDirectory()
      for program in Self.programs {
        for limit in ["-n 4", "-n 6", "-n 9", "-n 13", "-n 16", "-n 20", "-v 90000", "-v 120000"] {
          for command in ["run", "up"] {
            let result = try machine.namespace.run(
              [
                "sh", "-c", "ulimit \(limit) && exec \"$@\"", "sh", program, command, vip, "-i",
                "eth9", "--vrid", "7", "--strict", "--runtime-dir", folder["rt"],
              ], within: .seconds(60))
            let what: Comment = "\(program) \(command) \(limit): \(result)"
            #expect(result.status == 1, what)
            expectOneLine(result.errors, what)
          }
        }
        for number in 1...6 {
          let attempt = try Attempt(number, in: "run", library, only: "pthread_create")
          let result = try machine.namespace.run(
            attempt.environment + [program, "run"] + router(attempt), within: .seconds(60))
          #expect(result.status == 1, "\(number): \(result)")
          #expect(result.errors.contains("the node needs 6 threads and gets \(number - 1) "))
          expectOneLine(result.errors, "\(number): \(result)")
        }
      }
    }
  }
}
