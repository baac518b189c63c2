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
    private static let source = URL(filePath: #filePath)
      .deletingLastPathComponent().appending(path: "Program/failing_calls.c").path
    private static let errors = [EMFILE, ENOSPC, EACCES, ENOMEM, EADDRINUSE]
    /// What the runtime of the language asks for before the first line of the program, and ends
    /// the process without.
    private static let ofTheRuntime: Set = ["epoll_create1", "eventfd", "epoll_ctl"]
    /// What is tried in this run: a part of all that could be, and another one each time.
    private static let seed =
      ProcessInfo.processInfo.environment["VIP_START_SEED"].flatMap { UInt64($0) }
      ?? UInt64.random(in: 0..<1_000_000)
    /// Number of calls that are made to fail by their names with other errors; all of them with
    /// `VIP_STARTS=all`.
    private static let sampleCount =
      ProcessInfo.processInfo.environment["VIP_STARTS"] == "all" ? Int.max : 20

    private let segment: Segment
    private let library: String
    private var machine: LabNode { segment.nodes[0] }
    private var vip: String { "\(segment.virtualAddress(.ipv4))/24" }

    init() throws {
      segment = try Segment(nodes: 1)
      library = segment.directory["failing_calls.so"]
      let arguments = [
        "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", Self.source, "-o", library, "-ldl",
      ]
      if try run(["gcc"] + arguments, within: .seconds(60)).status != 0 {
        try check(["clang", "-fuse-ld=lld"] + arguments, within: .seconds(60))
      }
    }

    /// A start of which a call fails.
    private struct Attempt: CustomStringConvertible {
      let folder: TemporaryDirectory
      let environment: [String]
      let description: String
      var runtime: String { folder["rt"] }
      /// The call that has failed; `nil` if it has not come to it.
      var call: String? {
        readText(folder["note"]).split(separator: "\n").first.map(String.init)
      }

      /// Makes a call fail by its number among all of them, or among those of a name: from that on,
      /// or once.
      init(
        _ number: Int, in word: String, _ library: String, with code: Int32,
        only call: String? = nil, once: Bool = false
      ) throws {
        folder = try TemporaryDirectory()
        description = "\(call.map { "\($0) " } ?? "")\(number) with \(code) (seed \(seed))"
        environment =
          [
            "env", "SWIFT_BACKTRACE=enable=no", "LD_PRELOAD=\(library)", "VIP_FAIL_IN=\(word)",
            "VIP_FAIL_AT=\(number)", "VIP_FAIL_WITH=\(code)", "VIP_FAIL_NOTE=\(folder["note"])",
          ] + (call.map { ["VIP_FAIL_CALL=\($0)"] } ?? []) + (once ? ["VIP_FAIL_ONCE=1"] : [])
      }
    }

    /// Starts a program again and again, and makes each call of the process that has a word among
    /// its arguments fail in turn, with one error or another; then some of those calls by their
    /// names with other errors.
    ///
    /// What starts it returns the call that has failed in the start, if any has.
    private func failEachCall(
      of word: String, _ start: (_ program: String, Attempt) throws -> String?
    ) throws {
      print("starts that fail (\(word)): VIP_START_SEED=\(Self.seed)")
      for program in Programs.all {
        // Where there is an optimised program, each second call of the other will do.
        let step = program == Programs.all.last ? 1 : 2
        var random = SplitMix64(seed: Self.seed)
        var counts: [String: Int] = [:]
        var number = step == 1 ? 1 : 1 + Int(Self.seed % 2)
        while number <= 2000 {
          let code = Self.errors[(number + Int(Self.seed)) % Self.errors.count]
          let attempt = try Attempt(number, in: word, library, with: code)
          guard let call = try start(program, attempt) else { break }
          counts[call, default: 0] += 1
          number += step
        }
        #expect(number <= 2000, "\(program) is done with its start")
        let others = counts.keys.sorted().flatMap { call in Self.errors.map { (call, $0) } }
        for (call, code) in others.shuffled(using: &random).prefix(Self.sampleCount) {
          let place = Int.random(in: 1...(counts[call] ?? 1), using: &random)
          let attempt = try Attempt(place, in: word, library, with: code, only: call, once: true)
          _ = try start(program, attempt)
        }
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
      // What has happened is kept on purpose.
      let others = files.filter { $0 != "vipctl.events" }
      #expect(others.filter { !(log || isTakenOver) || $0 != "vipctl.log" }.isEmpty, what)
      // Without the kernel's answer the node does not know that it has the address; the lease ends.
      if attempt.call == "recvfrom" {
        try eventually("\(what): the lease ends") {
          try !machine.holds(segment.virtualAddress(.ipv4))
        }
      }
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
      try failEachCall(of: "background-node") { program, attempt in
        let result = try machine.namespace.run(
          attempt.environment + [program, "up"] + router(attempt), within: .seconds(60))
        let call = attempt.call
        let what: Comment = "\(program) \(attempt) \(call ?? "none"): \(result)"
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
        } else {
          try expectNothingLeft(attempt, what, log: result.status == 0)
        }
        return call
      }
    }

    @Test("Any call of the process that starts a node fails: one line, and nothing is left")
    func starter() throws {
      try failEachCall(of: "up") { program, attempt in
        let result = try machine.namespace.run(
          attempt.environment + [program, "up"] + router(attempt), within: .seconds(60))
        let what: Comment = "\(program) \(attempt) \(attempt.call ?? "none"): \(result)"
        if result.status != 0 { expectOneLine(result.errors, what) }
        #expect([0, 1, 77].contains(result.status), what)
        // What it asked for may have been done although it did not get the answer.
        _ = try machine.namespace.run(
          [program, "down", "--all", "--runtime-dir", attempt.runtime], within: .seconds(60))
        try expectNothingLeft(attempt, what, log: true)
        return attempt.call
      }
    }

    @Test("Any call of the start in the foreground fails: one line, and nothing is left")
    func foreground() throws {
      try failEachCall(of: "run") { program, attempt in
        let process = try machine.namespace.start(
          attempt.environment + [program, "run"] + router(attempt),
          logPath: attempt.folder["log"])
        try eventually("\(attempt): it runs or ends") {
          // The call that fails may be the one that writes the first line.
          !process.isRunning || process.log.contains("level=info")
        }
        let call = attempt.call
        let what: Comment = "\(program) \(attempt) \(call ?? "none"): \(process.log)"
        if process.log.contains("level=info") {
          process.signal(SIGTERM)
          #expect(process.waitForExit(within: .seconds(30)) == 0, what)
          // The call may be one of the stop, by which something may be left.
          if call == nil, attempt.call != nil { return nil }
        } else if !Self.ofTheRuntime.contains(call ?? "") {
          #expect(process.exitStatus == 1 || process.exitStatus == 77, what)
          expectOneLine(process.log.split(separator: "\n").last.map { "\($0)\n" } ?? "", what)
        }
        try expectNothingLeft(attempt, what, log: false)
        return call
      }
    }

    @Test("Too few open files, threads or memory: one line instead of a crash or a hang")
    func limits() throws {
      let folder = try TemporaryDirectory()
      let memory = [90, 105, 120, 135, 150, 180, 210, 240, 300].map { "-v \($0)000" }
      for program in Programs.all {
        for limit in ["-n 4", "-n 6", "-n 9", "-n 13", "-n 16", "-n 20"] + memory {
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
        for (command, word) in [("run", "run"), ("up", "background-node")] {
          for number in 1...7 {
            let attempt = try Attempt(
              number, in: word, library, with: EAGAIN, only: "pthread_create")
            let result = try machine.namespace.run(
              attempt.environment + [program, command] + router(attempt), within: .seconds(60))
            let what: Comment = "\(program) \(command) \(number): \(result)"
            #expect(result.status == 1, what)
            let text = "the node needs 7 threads and gets \(number - 1) "
            #expect(result.errors.contains(text), what)
            expectOneLine(result.errors, what)
            try expectNothingLeft(attempt, what, log: false)
          }
        }
      }
    }

    @Test("Where there is no descriptor left no interface is called missing")
    func descriptors() throws {
      for program in Programs.all {
        // libpcap's name is looked up by the C library, whose own sockets can't be made to fail.
        for (call, number) in [("if_nametoindex", 1)] + (1...6).map({ ("socket", $0) }) {
          let attempt = try Attempt(
            number, in: "background-node", library, with: EMFILE, only: call)
          let result = try machine.namespace.run(
            attempt.environment + [program, "up"] + router(attempt) + ["--timeout", "500ms"],
            within: .seconds(60))
          let what: Comment = "\(program) \(attempt): \(result)"
          if call == "if_nametoindex" { #expect(result.status == 1 && attempt.call == call, what) }
          if result.status != 0 {
            #expect(result.errors.lowercased().contains("too many open files"), what)
            expectOneLine(result.errors, what)
          }
          for wrong in ["no such interface", "there is no interface", "does not exist"] {
            #expect(!result.errors.contains(wrong), what)
          }
          // A router that waits stays.
          _ = try machine.namespace.run(
            [program, "down", "--all", "--runtime-dir", attempt.runtime], within: .seconds(60))
          try expectNothingLeft(attempt, what, log: true)
        }
      }
    }
  }
}
