import FoundationEssentials
import Synchronization
import Testing

@testable import KubernetesClient

@Suite(.timeLimit(.minutes(3))) struct LeaseElectorTests {
  /// A Lease as an API server keeps it.
  private final class LeaseScript: Sendable {
    private struct State {
      var version = 0
      var holder: String?
      var isDown = false
      var isHanging = false
    }
    private let state = Mutex(State())
    var holder: String? { state.withLock { $0.holder } }

    init(holder: String? = "") { state.withLock { $0.holder = holder } }

    func set(holder: String) {
      state.withLock { ($0.holder, $0.version) = (holder, $0.version + 1) }
    }
    func goDown() { state.withLock { $0.isDown = true } }
    func comeBack() { state.withLock { $0.isDown = false } }
    func hang() { state.withLock { $0.isHanging = true } }

    func answer(_ request: FakeRequest, _ reply: FakeReply) async throws {
      if state.withLock({ $0.isHanging }) { return try await reply.hang() }
      let (code, text) = state.withLock { state in
        if state.isDown { return (500, FakeReply.status(500, "InternalError")) }
        switch request.method {
        case "GET" where state.holder == nil: return (404, FakeReply.status(404, "NotFound"))
        case "GET": break
        case "POST" where state.holder != nil: return (409, FakeReply.status(409, "AlreadyExists"))
        default:
          let isFirst = request.method == "POST"
          guard isFirst || request.body.contains(#""resourceVersion":"\#(state.version)""#) else {
            return (409, FakeReply.status(409, "Conflict"))
          }
          state.version += 1
          let field = request.body.split(separator: #""holderIdentity":""#).last ?? ""
          state.holder =
            request.body.contains(#""holderIdentity":"""#)
            ? "" : String(field.prefix { $0 != "\"" })
        }
        return (
          200,
          #"{"metadata":{"name":"l","namespace":"n","resourceVersion":"\#(state.version)"},"#
            + #""spec":{"holderIdentity":"\#(state.holder ?? "")","leaseDurationSeconds":15}}"#
        )
      }
      try await reply.json(code, text)
    }
  }

  /// What the one that leads does, for the tests to see.
  private final class Work: Sendable {
    private let state = Mutex((begun: 0, ended: 0, leadership: Leadership?.none))
    var begun: Int { state.withLock { $0.begun } }
    var ended: Int { state.withLock { $0.ended } }
    var leadership: Leadership? { state.withLock { $0.leadership } }

    /// Works until it is cancelled.
    func lead(_ leadership: Leadership) async {
      state.withLock { ($0.begun, $0.leadership) = ($0.begun + 1, leadership) }
      while !Task.isCancelled { await shortPause() }
      state.withLock { $0.ended += 1 }
    }
  }

  private static func run(
    _ script: LeaseScript,
    _ test: @escaping @Sendable (Lab, Work, _ stop: @Sendable () async -> Void) async throws -> Void
  ) async throws {
    try await Lab.run { request, reply in
      try await script.answer(request, reply)
    } _: { lab in
      let work = Work()
      let elector = LeaseElector(lab.client, ObjectName("l", in: "n"), identity: "me")
      let task = Task { await elector.run { await work.lead($0) } }
      defer { task.cancel() }
      try await test(lab, work) {
        task.cancel()
        await task.value
      }
    }
  }

  /// Moves on, from one thing that the elector waits for to the next.
  ///
  /// Each comes after the one before has been done. `hangs`: the server does not answer, so that
  /// requests have to be given up.
  private static func advance(_ lab: Lab, _ time: Duration, hangs: Bool = false) async {
    let end = lab.clock.now + time
    while true {
      await eventually("it waits for something") {
        !lab.clock.waits.isEmpty || hangs && !lab.clock.limits.isEmpty
      }
      guard let next = lab.clock.waits.first ?? lab.clock.limits.first, next <= end else { break }
      lab.clock.move(to: next)
    }
    lab.clock.move(to: end)
  }

  @Test func aFreeLeaseIsTakenRenewedAndGivenBack() async throws {
    let script = LeaseScript()
    try await Self.run(script) { lab, work, stop in
      await eventually("it leads") { work.begun == 1 }
      #expect(script.holder == "me")
      await Self.advance(lab, .seconds(30))
      #expect(work.begun == 1 && work.ended == 0 && work.leadership?.isValid == true)
      await stop()
      #expect(work.ended == 1 && script.holder == "")
      let last = try #require(lab.server.requests.last)
      #expect(last.header("Content-Type") == "application/merge-patch+json")
      #expect(last.body.contains(#""leaseDurationSeconds":1"#))
      #expect(work.leadership?.isValid == false)
    }
  }

  @Test func aLeaseOfAnotherIsWaitedFor() async throws {
    let script = LeaseScript(holder: "other")
    try await Self.run(script) { lab, work, stop in
      await Self.advance(lab, .seconds(14))
      #expect(work.begun == 0 && script.holder == "other")
      script.set(holder: "other")
      await Self.advance(lab, .seconds(14))
      #expect(work.begun == 0 && script.holder == "other")
      await Self.advance(lab, .seconds(10))
      #expect(work.begun == 1 && script.holder == "me")
      await stop()
    }
  }

  @Test func aMissingLeaseIsMade() async throws {
    let script = LeaseScript(holder: nil)
    try await Self.run(script) { lab, work, stop in
      await Self.advance(lab, .seconds(22))
      #expect(work.begun == 1 && script.holder == "me")
      #expect(lab.server.requests.contains { $0.method == "POST" })
      await stop()
    }
  }

  @Test(arguments: [true, false])
  func withoutTheServerTheWorkEndsInTime(hangs: Bool) async throws {
    let script = LeaseScript()
    try await Self.run(script) { lab, work, stop in
      await eventually("it leads") { work.begun == 1 }
      if hangs { script.hang() } else { script.goDown() }
      await Self.advance(lab, .seconds(9.9), hangs: hangs)
      #expect(work.ended == 0 && work.leadership?.isValid == true)
      lab.clock.move(to: .seconds(10))
      // Also before the task has been told.
      #expect(work.leadership?.isValid == false)
      await eventually("the work has ended") { work.ended == 1 }
      #expect(lab.clock.now == .seconds(10))
    }
  }

  @Test func workThatEndsWithItsRightIsBegunAgain() async throws {
    let script = LeaseScript()
    try await Lab.run { request, reply in
      try await script.answer(request, reply)
    } _: { lab in
      let (begun, ended) = (Counter(), Counter())
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          let elector = LeaseElector(lab.client, ObjectName("l", in: "n"), identity: "me")
          await elector.run { state in
            // The work notices it first.
            while state == .uncertain, ended.value < begun.value { await shortPause() }
          } lead: { leadership in
            begun.increase()
            while leadership.isValid, !Task.isCancelled { await shortPause() }
            ended.increase()
          }
        }
        for round in 1...2 {
          await eventually("it leads") { begun.value == round }
          script.goDown()
          await Self.advance(lab, .seconds(12))
          script.comeBack()
          await Self.advance(lab, .seconds(20))
        }
        group.cancelAll()
      }
      #expect(begun.value == 3)
    }
  }

  @Test func aRightThatHasEndedDoesNotBeginAgain() {
    let clock = ManualClock()
    let leadership = Leadership(clock)
    #expect(!leadership.isValid)
    leadership.take(.leading(until: .seconds(10)))
    clock.advance(.seconds(9))
    leadership.take(.leading(until: .seconds(15)))
    clock.advance(.seconds(6))
    leadership.take(.leading(until: .seconds(30)))
    #expect(!leadership.isValid)
  }

  @Test func aLeaseThatIsTakenEndsTheWork() async throws {
    let script = LeaseScript()
    try await Self.run(script) { lab, work, stop in
      await eventually("it leads") { work.begun == 1 }
      script.set(holder: "thief")
      await Self.advance(lab, .seconds(4))
      await eventually("the work has ended") { work.ended == 1 }
      #expect(script.holder == "thief")
      await stop()
      #expect(script.holder == "thief", "what is another's is not given back")
    }
  }

  @Test func ofTwoThatRaceOneGetsIt() async throws {
    let script = LeaseScript()
    try await Lab.run { request, reply in
      try await script.answer(request, reply)
    } _: { lab in
      let works = [Work(), Work()]
      await withTaskGroup(of: Void.self) { group in
        for (number, work) in works.enumerated() {
          let elector = LeaseElector(lab.client, ObjectName("l", in: "n"), identity: "\(number)")
          group.addTask { await elector.run { await work.lead($0) } }
        }
        // The one waits for its renewal, the other for the next look.
        await eventually("both wait") { lab.clock.waits.count == 2 }
        #expect(works.map(\.begun).reduce(0, +) == 1)
        #expect(script.holder == (works[0].begun == 1 ? "0" : "1"))
        group.cancelAll()
      }
      #expect(script.holder == "")
    }
  }

  @Test func workThatEndsGivesTheLeaseBack() async throws {
    let script = LeaseScript()
    try await Lab.run { request, reply in
      try await script.answer(request, reply)
    } _: { lab in
      let elector = LeaseElector(lab.client, ObjectName("l", in: "n"), identity: "me")
      await elector.run { leadership in #expect(leadership.isValid && script.holder == "me") }
      #expect(script.holder == "")
    }
  }
}
