import Testing

@testable import VIP

/// What is wrong around a node is told when it begins and when it is over.
@Suite struct NodeProblemsTests {
  private let memberships = MachineFault.setting("net.ipv4.igmp_max_memberships")

  @Test func `a problem is told once, and again in other words`() {
    let old = NodeProblem(.realtime, "not permitted")
    var problems = NodeProblems([old])
    let known = problems.set(.realtime, "not permitted")
    #expect(known.isEmpty)
    let worse = problems.set(.realtime, "no such policy")
    #expect(worse == [.nodeWarning(NodeProblem(.realtime, "no such policy"))])
    let other = problems.set(.eventPipe, "no reader")
    #expect(other == [.nodeWarning(NodeProblem(.eventPipe, "no reader"))])
    #expect(problems.present.map(\.kind) == [.realtime, .eventPipe])
    let over = problems.set(.realtime, nil)
    #expect(over == [.nodeCleared(NodeProblem(.realtime, "no such policy"))])
    let gone = problems.set(.realtime, nil)
    #expect(gone.isEmpty && problems.present.map(\.kind) == [.eventPipe])
  }

  @Test func `other numbers are no other fault of the machine`() {
    var problems = NodeProblems([NodeProblem(.controlSocket, "in use")])
    let first = problems.setMachine([(.processes, "3 left"), (memberships, "0")])
    #expect(
      first == [
        .nodeWarning(NodeProblem(.machine(.processes), "3 left")),
        .nodeWarning(NodeProblem(.machine(memberships), "0")),
      ])
    let second = problems.setMachine([(.processes, "2 left"), (memberships, "0")])
    #expect(second.isEmpty)
    #expect(problems.present.map(\.text) == ["in use", "2 left", "0"])
    let third = problems.setMachine([(.processes, "2 left"), (.openFiles, "64")])
    #expect(
      third == [
        .nodeCleared(NodeProblem(.machine(memberships), "0")),
        .nodeWarning(NodeProblem(.machine(.openFiles), "64")),
      ])
    #expect(problems.present.map(\.text) == ["in use", "2 left", "64"])
  }
}
