import Foundation
import TestSupport
import Testing
import VIP
import VIPControl

@testable import VIPReports

/// The metrics, read by a parser that knows nothing but Prometheus' text format.
@Suite struct MetricsTests {
  struct Sample: Hashable {
    var name: String
    var labels: [String: String]
    var value: Double
  }

  struct FormatError: Error {
    var line: String
  }

  /// Reads version 0.0.4 of the format, more strictly than Prometheus: HELP and TYPE come first,
  /// families are not torn apart, no sample stands twice.
  static func parse(_ text: String) throws -> [Sample] {
    guard text.last == "\n" else { throw FormatError(line: "no end") }
    var samples: [Sample] = []
    var types: [String: String] = [:]
    var helped: Set<String> = []
    var current = ""
    var seen: Set<String> = []
    for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
      let words = line.split(separator: " ", maxSplits: 3).map(String.init)
      if line.hasPrefix("# HELP ") {
        guard words.count == 4, helped.insert(words[2]).inserted else {
          throw FormatError(line: String(line))
        }
      } else if line.hasPrefix("# TYPE ") {
        guard words.count == 4,
          ["gauge", "counter", "histogram", "summary"].contains(words[3]),
          helped.contains(words[2]), types.updateValue(words[3], forKey: words[2]) == nil
        else { throw FormatError(line: String(line)) }
        current = words[2]
      } else {
        let sample = try sample(line)
        let parts = ["histogram": ["_bucket", "_sum", "_count"], "summary": ["_sum", "_count"]]
        let names = (parts[types[current] ?? ""] ?? [""]).map { current + $0 }
        guard names.contains(sample.name), seen.insert("\(sample.name)\(sample.labels)").inserted,
          types[current] == "counter" ? current.hasSuffix("_total") && sample.value >= 0 : true
        else { throw FormatError(line: String(line)) }
        samples.append(sample)
      }
    }
    return samples
  }

  private static func sample(_ line: Substring) throws -> Sample {
    var rest = line
    func fail() -> FormatError { FormatError(line: String(line)) }
    let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    guard let first = name.first, !first.isNumber else { throw fail() }
    rest = rest.dropFirst(name.count)
    var labels: [String: String] = [:]
    if rest.first == "{" {
      repeat {
        rest = rest.dropFirst()
        let key = rest.prefix { $0.isASCII && ($0.isLetter || $0 == "_") }
        rest = rest.dropFirst(key.count)
        guard !key.isEmpty, rest.hasPrefix("=\"") else { throw fail() }
        rest = rest.dropFirst(2)
        var value = ""
        while let character = rest.first, character != "\"" {
          rest = rest.dropFirst()
          if character == "\\" {
            guard let escaped = rest.first, "\\\"n".contains(escaped) else { throw fail() }
            rest = rest.dropFirst()
            value.append(escaped == "n" ? "\n" : escaped)
          } else {
            value.append(character)
          }
        }
        guard rest.first == "\"", labels.updateValue(value, forKey: String(key)) == nil else {
          throw fail()
        }
        rest = rest.dropFirst()
      } while rest.first == ","
      guard rest.first == "}" else { throw fail() }
      rest = rest.dropFirst()
    }
    guard rest.first == " ", let value = Double(rest.dropFirst()) else { throw fail() }
    return Sample(name: String(name), labels: labels, value: value)
  }

  @Test func `what the status says stands in the metrics`() throws {
    let samples = try Self.parse(MetricsText.render(try exampleStatus()))
    func value(_ name: String, _ labels: [String: String]) -> [Double] {
      samples.filter { sample in
        sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
      }.map(\.value)
    }
    let web = ["router": "web", "family": "ipv4", "vrid": "51", "interface": "eth0"]
    #expect(value("vipctl_info", ["version": "0.1.0", "lease": "3s"]) == [1])
    #expect(value("vipctl_uptime_seconds", [:]) == [12.5])
    #expect(
      ["initialize", "backup", "active"].map { state in
        value("vipctl_router_state", web.merging(["state": state]) { $1 })
      } == [[0], [0], [1]])
    #expect(value("vipctl_router_state_age_seconds", web) == [187])
    #expect(value("vipctl_router_interval_seconds", web) == [1])
    #expect(value("vipctl_router_addresses", web) == [2])
    #expect(value("vipctl_router_addresses_installed", web) == [2])
    #expect(value("vipctl_router_advertisement_sent_total", web) == [3])
    #expect(value("vipctl_router_warnings", ["router": "web", "family": "ipv6"]) == [1])
    #expect(value("vipctl_realtime", [:]) == [1])
    #expect(value("vipctl_late_wakeups_total", [:]) == [3])
    #expect(value("vipctl_wakeup_latency_max_seconds", [:]) == [0.25])
    #expect(value("vipctl_wakeup_latency_recent_max_seconds", [:]) == [0.0125])
    #expect(value("vipctl_wakeup_latency_seconds_bucket", [:]) == [990, 997, 1000])
    #expect(value("vipctl_wakeup_latency_seconds_sum", [:]) == [0.75])
    #expect(value("vipctl_router_takeover_seconds_count", web) == [2])
    #expect(value("vipctl_router_takeover_seconds_sum", web) == [0.01444])
    #expect(value("vipctl_router_last_takeover_seconds", [:]) == [0.00234], "others had none")
    #expect(value("vipctl_router_lease_seconds", [:]) == [3], "others hold nothing")
    #expect(value("vipctl_router_lease_age_seconds", web) == [0.71])
    #expect(value("vipctl_segment_checksum_errors_total", [:]) == [0, 0], "once for each family")
    #expect(value("vipctl_peer_priority", ["peer": "192.0.2.2"]) == [90])
    #expect(value("vipctl_peer_active", ["peer": "192.0.2.3"]) == [0])
  }

  @Test func `a node without routers has metrics too`() throws {
    var status = try exampleStatus()
    status.routers = []
    #expect(try Self.parse(MetricsText.render(status)).count == 12)
  }

  @Test func `hooks are counted where there are some`() throws {
    var status = try exampleStatus()
    var hooks = RouterStatus.Hooks()
    (hooks.runs, hooks.failures, hooks.skipped) = (7, 2, 5)
    status.routers[0].hooks = hooks
    let samples = try Self.parse(MetricsText.render(status)).filter { $0.name.contains("hook") }
    #expect(samples.map(\.value) == [7, 2, 5])
    #expect(samples.allSatisfy { $0.labels["router"] == status.routers[0].name })
  }

  @Test func `whatever stands in a label is escaped`() throws {
    var status = try exampleStatus()
    status.node.version = "a\"b\\c\nd"
    let samples = try Self.parse(MetricsText.render(status))
    #expect(samples.first?.labels["version"] == status.node.version)
  }

  /// What Prometheus' own library for Python makes of the text, one sample a line.
  static let foreignParser = """
    import sys
    from prometheus_client.parser import text_string_to_metric_families
    for family in text_string_to_metric_families(sys.stdin.read()):
        assert family.type != "unknown", family.name
        assert family.documentation, family.name
        for sample in family.samples:
            labels = sorted("%s=%r" % pair for pair in sample.labels.items())
            print(sample.name, ",".join(labels), repr(float(sample.value)))
    """

  static var hasForeignParser: Bool {
    let result = try? run(["/usr/bin/python3", "-c", "import prometheus_client.parser"])
    return result?.status == 0 || Laboratory.isCI
  }

  @Test(.enabled(if: hasForeignParser, "no python3-prometheus-client here"))
  func `a parser that is not ours reads the same`() throws {
    var status = try exampleStatus()
    status.node.version = #"a "b" \c"#
    let text = MetricsText.render(status)
    let output = try check(["/usr/bin/python3", "-c", Self.foreignParser], input: text)
    let theirs = output.split(separator: "\n").map(String.init)
    let ours = try Self.parse(text)
    #expect(theirs.count == ours.count)
    #expect(Set(theirs.map { $0.prefix { $0 != " " } }) == Set(ours.map { $0.name[...] }))
    #expect(theirs.contains { $0.hasPrefix("vipctl_info ") && $0.contains(#"a "b" \\c"#) })
    #expect(
      theirs.contains("vipctl_wakeup_latency_seconds_bucket le='+Inf' 1000.0"), "\(theirs)")
    #expect(theirs.filter { $0.hasPrefix("vipctl_peer_priority ") }.count == 2)
    let broken = try run(
      ["/usr/bin/python3", "-c", Self.foreignParser],
      input: text.replacing("le=\"+Inf\"", with: "le=\"+Inf"))
    #expect(broken.status != 0, "it can tell")
  }

  @Test func `the document lists the metrics there are`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
    let document = try String(
      contentsOf: root.appending(path: "Docs/Monitoring.md"), encoding: .utf8)
    func rows(_ text: String, _ prefix: String, _ separator: Character) -> [String] {
      text.split(separator: "\n").filter { $0.hasPrefix(prefix) }.map { line in
        line.dropFirst(prefix.count).split(separator: separator).prefix(2)
          .map { $0.filter { !" `".contains($0) } }.joined(separator: " ")
      }
    }
    var status = try exampleStatus()
    status.routers[0].hooks = RouterStatus.Hooks()
    status.checks = try exampleChecks()
    let printed = rows(MetricsText.render(status), "# TYPE ", " ")
    #expect(rows(document, "| `vipctl_", "|").map { "vipctl_" + $0 }.sorted() == printed.sorted())
  }
}
