import VIP
import VIPControl
import VIPCore

/// Health checks in lines for people.
enum CheckText {
  /// The part that a check has for a router, such as "nginx fails, priority -20".
  static func use(_ check: RouterStatus.Check) -> String {
    "\(check.check.onOneLine) \(word(check.standing)), \(effect(check))"
  }

  /// The effect on the router.
  static func effect(_ check: RouterStatus.Check) -> String {
    if check.isOut { return "out of the election" }
    if check.weight == 0 { return "no effect" }
    return "priority \(check.weight > 0 ? "+" : "")\(check.weight)"
  }

  /// A check as some lines, such as "check nginx fails for 3s, since …".
  static func lines(_ check: CheckRecord) -> [String] {
    let number = check.number.map { " with \($0)" } ?? ""
    var lines = [
      "check \(check.name.onOneLine) \(word(check.standing))\(number) for "
        + "\(StatusTable.age(check.secondsInStanding)), since \(check.since.onOneLine)",
      "  looks at   \(check.subject.onOneLine)",
      "  why        \(check.reason.onOneLine)",
    ]
    if let kind = check.lastResult {
      let age = check.secondsSinceRun.map { ", \(StatusDetail.heard($0)) ago" } ?? ""
      let text = (check.lastText ?? "").onOneLine
      lines.append(
        "  last       \(kind.rawValue)\(age), took "
          + "\(StatusDetail.milliseconds(check.durationSeconds)): \(text)")
    }
    lines.append(
      "  runs       \(check.runs), \(check.failures) failed; \(check.changes) change"
        + (check.changes == 1 ? "" : "s"))
    if let time = check.heldBackSeconds {
      lines.append(
        "  held back  it has toggled, and passes after \(StatusDetail.heard(time)) more of success")
    }
    return lines
  }

  private static func word(_ standing: CheckStatus.Standing) -> String {
    switch standing {
    case .unknown: "has no result yet"
    case .passing: "passes"
    case .failing: "fails"
    }
  }
}
