import Testing
import VIP
import VIPCore
import VIPHooks

/// What is told of programs that were run, and what is only counted.
@Suite struct HookLedgerTests {
  private func report(
    _ kind: HookReport.Kind, for state: Settlement.State = .active, skipped: UInt64 = 0
  ) -> HookReport {
    HookReport(router: "web", family: .ipv4, state: state, kind: kind, skipped: skipped)
  }

  @Test func `a failure is told once, then counted until it is over`() {
    var ledger = HookLedger()
    #expect(
      ledger.take(report(.output("so"))) == [
        .hook(router: "web", family: .ipv4, state: .active, text: "wrote: so")
      ])
    let text = "the hook for active ended with exit code 3"
    #expect(
      ledger.take(report(.failed("ended with exit code 3"))) == [
        .warning(Problem(.hook(.active), router: "web", family: .ipv4, text))
      ])
    let again = ledger.take(report(.failed("ended with exit code 3")))
    #expect(again.isEmpty)
    let status = ledger.status(of: "web", .ipv4)
    #expect(
      status?.status.runs == 2 && status?.status.failures == 2
        && status?.failures == [.active: text])
    #expect(
      ledger.take(report(.succeeded("ended after 5ms"), skipped: 2)) == [
        .hook(
          router: "web", family: .ipv4, state: .active,
          text: "ended after 5ms (2 changes before it skipped)"),
        .cleared(Problem(.hook(.active), router: "web", family: .ipv4, text), .over),
      ])
    #expect(ledger.status(of: "web", .ipv4)?.status.skipped == 2)
    #expect(ledger.status(of: "web", .ipv4)?.failures == [:])
    ledger.keepOnly { _ in false }
    #expect(ledger.status(of: "web", .ipv4) == nil)
  }

  @Test func `a program that runs well says nothing about that of another state`() {
    var ledger = HookLedger()
    _ = ledger.take(report(.failed("ended with exit code 3")))
    let events = ledger.take(report(.succeeded("ended after 5ms"), for: .backup))
    #expect(events.count == 1, "the other one still fails")
    #expect(ledger.status(of: "web", .ipv4)?.failures.keys.map(\.self) == [.active])
  }
}
