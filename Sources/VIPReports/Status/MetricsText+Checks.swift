import VIP
import VIPControl
import VIPCore

/// Metrics of health checks.
extension MetricsText {
  /// Adds what is known of each check, and what follows for each router that uses it.
  mutating func addChecks(_ status: NodeRecord) {
    guard let checks = status.checks else { return }
    family("vipctl_check_standing", "gauge", "1 for the standing that the check has.")
    for check in checks {
      for standing in [CheckStatus.Standing.unknown, .passing, .failing] {
        sample(
          "vipctl_check_standing", [("check", check.name), ("standing", standing.rawValue)],
          check.standing == standing ? 1 : 0)
      }
    }
    let values: [(String, String, String, (CheckRecord) -> Double)] = [
      (
        "duration_seconds", "gauge", "How long the last run took.", { $0.durationSeconds }
      ),
      ("runs_total", "counter", "Runs that have ended.", { Double($0.runs) }),
      ("failures_total", "counter", "Runs that did not succeed.", { Double($0.failures) }),
      ("changes_total", "counter", "Changes of the standing.", { Double($0.changes) }),
    ]
    for (name, type, help, value) in values {
      family("vipctl_check_\(name)", type, help)
      for check in checks {
        sample("vipctl_check_\(name)", [("check", check.name)], value(check))
      }
    }
    let uses = status.routers.flatMap { router in
      (router.checks ?? []).map { (Self.labels(router) + [("check", $0.check)], $0) }
    }
    family("vipctl_router_check_out", "gauge", "1 if the check keeps the router out.")
    for (labels, check) in uses {
      sample("vipctl_router_check_out", labels, check.isOut ? 1 : 0)
    }
    family("vipctl_router_check_weight", "gauge", "What the check adds to the priority.")
    for (labels, check) in uses {
      sample("vipctl_router_check_weight", labels, Double(check.weight))
    }
  }
}
