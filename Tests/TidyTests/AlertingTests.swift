import Foundation
import TestSupport
import Testing

/// The alerts and the dashboard ask for metrics that exist, and tell what they are to tell.
@Suite struct AlertingTests {
  private static let rules = "Examples/prometheus/vipctl.rules.yaml"
  private static let cases = "Examples/prometheus/vipctl.rules.test.yaml"
  private static let dashboard = "Examples/grafana/vipctl.json"

  /// The metrics in the table of the document, which `MetricsTests` compare with those of a node.
  private static var metrics: Set<String> {
    get throws {
      let text = try Document.named("Docs/Monitoring.md").text
      let row = #/^\| `(vipctl_\w+)` \|/#.anchorsMatchLineEndings()
      return Set(text.matches(of: row).map { String($0.output.1) })
    }
  }

  /// The alerts that a text of rules defines.
  private static var alerts: [String] {
    get throws {
      try Document.named(rules).text.matches(of: #/- alert: (\w+)/#).map { String($0.output.1) }
    }
  }

  /// Prometheus' tool for rules; `nil` where it is not installed.
  private static let promtool = (ProcessInfo.processInfo.environment["PATH"] ?? "")
    .split(separator: ":").map { "\($0)/promtool" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// The expressions of all panels.
  private static var expressions: [String] {
    get throws {
      let data = Data(try Document.named(dashboard).text.utf8)
      let object = try JSONSerialization.jsonObject(with: data) as? [String: Any]
      let panels = try #require(object?["panels"] as? [[String: Any]])
      return panels.flatMap { panel in
        (panel["targets"] as? [[String: Any]] ?? []).compactMap { $0["expr"] as? String }
      }
    }
  }

  @Test(arguments: [rules, cases, dashboard])
  func `only metrics that exist are asked for`(path: String) throws {
    let known = try Self.metrics
    #expect(known.count > 40)
    let used = try Document.named(path).text.matches(of: #/\bvipctl_[a-z0-9_]+/#)
      .map { String($0.output) }
    #expect(used.count > 10)
    #expect(Set(used).subtracting(known) == [], "\(path)")
  }

  @Test func `each alert has a case in which it fires, and a row in the document`() throws {
    let cases = try Document.named(Self.cases).text
    let document = try Document.named("Docs/Alerting.md").text
    let alerts = try Self.alerts
    #expect(alerts.count >= 10 && Set(alerts).count == alerts.count)
    for alert in alerts {
      #expect(cases.contains("alertname: \(alert)\n        exp_alerts:\n"), "\(alert)")
      #expect(document.contains("| `\(alert)` |"), "\(alert)")
    }
  }

  @Test(.enabled(if: promtool != nil, "no promtool here (Debian: prometheus)"))
  func `Prometheus' own tool accepts the rules, and their cases hold`() throws {
    let tool = try #require(Self.promtool)
    let check = try run([tool, "check", "rules", Repository.root.appending(path: Self.rules).path])
    #expect(check.status == 0, "\(check.output)\(check.errors)")
    let test = try run(
      [tool, "test", "rules", Repository.root.appending(path: Self.cases).path],
      within: .seconds(60))
    #expect(test.status == 0, "\(test.output)\(test.errors)")
  }

  @Test func `the dashboard is JSON, each panel asks for something, and none lies on another`()
    throws
  {
    let data = Data(try Document.named(Self.dashboard).text.utf8)
    let object = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    let panels = try #require(object?["panels"] as? [[String: Any]])
    #expect(panels.count > 10)
    #expect(Set(panels.compactMap { $0["id"] as? Int }).count == panels.count)
    var taken: Set<[Int]> = []
    for panel in panels {
      let title = panel["title"] as? String ?? ""
      #expect(!title.isEmpty && (panel["targets"] as? [Any])?.isEmpty == false, "\(title)")
      let place = try #require(panel["gridPos"] as? [String: Any])
      let (x, width) = (place["x"] as? Int ?? 0, place["w"] as? Int ?? 0)
      let (y, height) = (place["y"] as? Int ?? 0, place["h"] as? Int ?? 0)
      #expect(width > 0 && height > 0 && x + width <= 24, "\(title)")
      for column in x..<(x + width) {
        for row in y..<(y + height) {
          let isFree = taken.insert([column, row]).inserted
          #expect(isFree, "\(title)")
        }
      }
    }
  }

  @Test(.enabled(if: promtool != nil, "no promtool here (Debian: prometheus)"))
  func `the expressions of the dashboard can be evaluated`() throws {
    let tool = try #require(Self.promtool)
    let folder = try TemporaryDirectory()
    let rules = try Self.expressions.enumerated().map { number, expression in
      let text = expression.replacing("$__rate_interval", with: "1m")
      return "  - record: r\(number)\n    expr: >-\n      \(text)\n"
    }
    #expect(rules.count > 20)
    try folder.write("groups:\n- name: g\n  rules:\n" + rules.joined(), to: "rules.yaml")
    let check = try run([tool, "check", "rules", folder["rules.yaml"]])
    #expect(check.status == 0, "\(check.output)\(check.errors)")
  }
}
