import Testing

@testable import VIP

/// Each problem is told once when it begins and once when it is over.
@Suite struct ProblemLedgerTests {
  @Test func `a problem is news once, and again in other words`() {
    var problems = ProblemLedger()
    let isNews = [
      problems.begin(.advertising, "down", of: 1), problems.begin(.advertising, "down", of: 1),
      problems.begin(.advertising, "down", of: 2), problems.begin(.advertising, "full", of: 1),
    ]
    #expect(isNews == [true, false, true, true])
    #expect(problems.slots == [1, 2] && !problems.isClear)
    #expect(problems.text(of: .advertising, of: 1) == "full")
    #expect(problems.text(of: .advertising, of: 3) == nil)
  }

  @Test func `what is over is told in its last words, the oldest first`() {
    var problems = ProblemLedger()
    _ = problems.begin(.macvlan, "gone", of: 1)
    _ = problems.begin(.advertising, "down", of: 1)
    _ = problems.begin(.announcing, "refused", of: 1)
    _ = problems.begin(.macvlan, "busy", of: 1)
    let nothing = problems.end(of: 1) { _ in true }
    #expect(nothing.isEmpty)
    let over = problems.end(of: 1) { $0 == .announcing }
    #expect(over.map(\.text) == ["busy", "down"])
    let last = problems.end(of: 1) { _ in false }
    #expect(last.map(\.kind) == [.announcing] && problems.isClear)
    let isNews = problems.begin(.macvlan, "busy", of: 1)
    #expect(isNews, "it begins a second time")
  }

  @Test func `the node has one problem at a time`() {
    var problems = ProblemLedger()
    let first = NodeProblem(.guardProcess, "ended")
    let isNews = [problems.begin(first), problems.begin(first)]
    #expect(isNews == [true, false] && problems.node == first)
    let over = [problems.endNode(), problems.endNode()]
    #expect(over == [first, nil] && problems.node == nil)
  }
}
