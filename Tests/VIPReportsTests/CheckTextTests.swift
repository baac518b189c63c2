import Foundation
import Testing
import VIP
import VIPControl

@testable import VIPReports

/// A check that fails, and one that is held back.
func exampleChecks() throws -> [CheckRecord] {
  try JSONDecoder().decode(
    [CheckRecord].self,
    from: Data(
      """
      [{"name": "web", "subject": "command /usr/bin/pgrep -x nginx", "standing": "failing",
        "reason": "exit code 1", "since": "2026-11-23T10:00:00Z", "secondsInStanding": 90,
        "lastResult": "timed-out", "lastText": "took longer than 1s", "durationSeconds": 1.0002,
        "secondsSinceRun": 0.42, "runs": 120, "failures": 90, "changes": 3, "heldBackSeconds": 4.5},
       {"name": "load", "subject": "file /run/load", "standing": "passing", "number": -20,
        "reason": "the number is -20", "since": "2026-11-23T10:00:00Z", "secondsInStanding": 3,
        "durationSeconds": 0, "runs": 0, "failures": 0, "changes": 1}]
      """.utf8))
}

/// Health checks as people see them.
@Suite struct CheckTextTests {
  @Test func `a router tells what its checks do, and each check how it is`() throws {
    var status = try exampleStatus()
    status.checks = try exampleChecks()
    status.routers[0].checks = [
      RouterStatus.Check(check: "web", standing: .failing, isOut: true, weight: 0),
      RouterStatus.Check(check: "load", standing: .passing, isOut: false, weight: -20),
      RouterStatus.Check(check: "more", standing: .passing, isOut: false, weight: 5),
      RouterStatus.Check(check: "new", standing: .unknown, isOut: false, weight: 0),
    ]
    let text = StatusDetail(width: nil, colour: false).render(status) + "\n"
    for line in [
      "  checks     web fails, out of the election",
      "             load passes, priority -20", "             more passes, priority +5",
      "             new has no result yet, no effect",
      "check web fails for 1m30s, since 2026-11-23T10:00:00Z",
      "  looks at   command /usr/bin/pgrep -x nginx", "  why        exit code 1",
      "  last       timed-out, 0.4s ago, took 1000.2 ms: took longer than 1s",
      "  runs       120, 90 failed; 3 changes",
      "  held back  it has toggled, and passes after 4.5s more of success",
      "check load passes with -20 for 3s, since 2026-11-23T10:00:00Z",
      "  runs       0, 0 failed; 1 change",
    ] {
      #expect(text.contains(line + "\n"), "\(line)\n\(text)")
    }
  }

  @Test func `metrics have the standing of each check and what follows`() throws {
    var status = try exampleStatus()
    #expect(!MetricsText.render(status).contains("vipctl_check_"))
    status.checks = try exampleChecks()
    status.routers[0].checks = [
      RouterStatus.Check(check: "web", standing: .failing, isOut: true, weight: 0)
    ]
    let text = MetricsText.render(status)
    #expect(text.contains("vipctl_check_standing{check=\"web\",standing=\"failing\"} 1\n"))
    #expect(text.contains("vipctl_check_standing{check=\"web\",standing=\"passing\"} 0\n"))
    #expect(text.contains("vipctl_check_runs_total{check=\"web\"} 120\n"))
    #expect(text.contains(/vipctl_router_check_out\{router="\w+",.*check="web"\} 1\n/))
  }
}
