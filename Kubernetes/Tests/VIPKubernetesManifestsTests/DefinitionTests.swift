import Foundation
import KubernetesClient
import ManifestChecks
import Testing
import VIPCore
import VIPKubernetes
import VRRP

@testable import VIPKubernetesManifests

/// Definitions as an API server demands them, and what their patterns let through.
@Suite struct DefinitionTests {
  private static var all: [Definition] {
    get throws { try Manifests().definitions }
  }

  @Test func `texts and lists are bounded, and fields are described`() throws {
    for definition in try Self.all {
      let all =
        parts(of: definition.spec, at: "spec") + parts(of: definition.status, at: "status")
      #expect(all.count > 20)
      for (path, schema) in all {
        switch schema.kind {
        case .string, .list, .dictionary: #expect(schema.count != nil, "\(path)")
        case .integer: #expect(schema.range != nil, "\(path)")
        case .object, .boolean: break
        }
        if !path.hasSuffix("[]"), !path.hasSuffix(".*") {
          #expect(schema.description.hasSuffix("."), "\(path): '\(schema.description)'")
        }
      }
    }
  }

  /// Roughly as the API server reckons: how often a rule is applied at most, times how much it
  /// looks at.
  private static func costs(
    _ schema: Schema, at path: String, times count: Int
  ) -> [(path: String, cost: Int)] {
    let size = if case .string = schema.kind { schema.count?.upperBound ?? 1_000_000 } else { 10 }
    let own = schema.rules.map { rule in
      (path, count * (rule.expression.utf8.count + 4 * size))
    }
    let inner: [(String, Int)] =
      switch schema.kind {
      case .object(let properties):
        properties.flatMap { costs($0.schema, at: "\(path).\($0.name)", times: count) }
      case .dictionary(let element), .list(let element, _):
        costs(element, at: path + "[]", times: count * (schema.count?.upperBound ?? 1_000_000))
      case .string, .integer, .boolean: []
      }
    return own + inner
  }

  @Test func `rules cost less than an API server allows`() throws {
    for definition in try Self.all {
      let costs = Self.costs(definition.schema, at: "", times: 1)
      #expect(costs.count >= 4)
      for (path, cost) in costs { #expect(cost < 5_000_000, "\(path)") }
      #expect(costs.map(\.cost).reduce(0, +) < 50_000_000)
    }
  }

  @Test func `each list that nodes write together has a key that is demanded`() throws {
    for definition in try Self.all {
      for (path, schema) in parts(of: definition.schema, at: "") {
        guard case .list(let element, .map(let key)) = schema.kind else { continue }
        guard case .object(let properties) = element.kind else {
          Issue.record("\(path) has no objects")
          continue
        }
        #expect(properties.contains { $0.name == key && $0.isRequired }, "\(path)")
      }
    }
    // Each node writes its own part by server-side apply.
    let router = try #require(Self.all.first { $0.kind == "VirtualRouter" })
    let keys = parts(of: router.status, at: "").compactMap { path, schema in
      if case .list(_, .map(let key)) = schema.kind { "\(path) \(key)" } else { nil }
    }
    #expect(keys == [".nodes node", ".conflicts address", ".conditions type"])
  }

  @Test func `columns show fields that there are, as what they are`() throws {
    for definition in try Self.all {
      for column in definition.columns {
        var path = column.path.replacing("['ipv4','ipv6']", with: ".ipv4")
        path.replace(#/\[\?\(@\.type=="[A-Za-z]+"\)\]/#, with: "[]")
        if path == ".metadata.creationTimestamp" { continue }
        let found = parts(of: definition.schema, at: "").first { $0.path == path }
        let schema = try #require(found?.schema, "\(column.path)")
        switch column.kind {
        case .integer: #expect(schema.kind == .integer, "\(path)")
        case .date: #expect(schema.format == "date-time", "\(path)")
        case .string: #expect(schema.kind != .integer, "\(path)")
        }
      }
    }
    let columns = try #require(Self.all.first { $0.kind == "VirtualRouter" }).columns
    #expect(
      columns.filter { !$0.isWide }.map { $0.name.uppercased() } == [
        "POOL", "VRID", "ADDRESSES", "ACTIVE-IPV4", "ACTIVE-IPV6", "CANDIDATES", "SINCE",
      ])
  }

  @Test func `intervals are those that an advertisement can carry`() throws {
    let pattern = try Regex(TextForm.interval)
    func isMatch(_ text: String) -> Bool { text.firstMatch(of: pattern) != nil }
    for number in 1...4095 as ClosedRange<UInt16> {
      let interval = try #require(AdvertisementInterval(centiseconds: number))
      let hundredths = number % 100 < 10 ? "0\(number % 100)" : "\(number % 100)"
      for text in [
        interval.description, "\(number)0ms", "\(number / 100).\(hundredths)s",
      ] {
        #expect(isMatch(text) && Manifests.Options.isInterval(text), "\(text)")
        #expect(AdvertisementInterval(text) == interval, "\(text)")
      }
    }
    for text in [
      "", "s", "1", "0s", "0.0s", "0.00s", "0ms", "1ms", "5ms", "15ms", "40951ms", "40960ms", "41s",
      "40.96s", "99990ms", "1.234s", "0.005s", "-1s", "+1s", "1m", "1 s", " 1s", "1s ", "1.s",
      ".5s",
      "1e1s", "01s", "1,5s", "250us",
    ] {
      #expect(!isMatch(text) && !Manifests.Options.isInterval(text), "\(text)")
    }
  }

  @Test(arguments: ["10s", "0s", "1.5h", "24h", "250ms", "1ns", "0.000001s", "3m", "86400s"])
  func `a delay that is read matches`(text: String) {
    #expect(Duration(text: text) != nil)
    #expect(SchemaCheck.matches(text, TextForm.duration))
  }

  @Test(arguments: ["", "10", "s", "1d", "-1s", "1 s", "1.s", ".5s", "1s2m", "1234567890123s"])
  func `a delay that is not read does not match`(text: String) {
    #expect(Duration(text: text) == nil)
    #expect(!SchemaCheck.matches(text, TextForm.duration))
  }

  @Test(arguments: [
    "192.0.2.1", "192.0.2.1-192.0.2.9", "192.0.2.1 - 192.0.2.9", "192.0.2.0/24", "192.0.2.1/32",
    "2001:db8::1", "2001:DB8::a-2001:DB8::f", "2001:db8::/64",
  ])
  func `addresses that are read match`(text: String) {
    #expect(throws: Never.self) { try AddressBlock(parsing: text) }
    #expect(SchemaCheck.matches(text, TextForm.addressBlock))
  }

  @Test(arguments: [
    "", "lan", "192.0.2.1/", "192.0.2.0/24/24", "192.0.2.0/255.255.255.0", "1-2-3", "192.0.2.1,",
    "fe80::1%eth0", "-192.0.2.1", "192.0.2.1-", "192.0.2.0/24-192.0.2.9",
  ])
  func `what does not match is not read either`(text: String) {
    #expect(!SchemaCheck.matches(text, TextForm.addressBlock))
    #expect(throws: AddressBlockError.self) { try AddressBlock(parsing: text) }
  }

  @Test(arguments: ["1-255", "31-60", "31-60,80", "1", "255", "7, 9 - 12", "100,200-249"])
  func `VRIDs that are right`(text: String) {
    #expect(SchemaCheck.matches(text, TextForm.vrids))
    // Options are stricter about spaces only.
    #expect(Manifests.Options.areVRIDs(text.replacing(" ", with: "")))
  }

  @Test(arguments: ["", "0", "256", "1-256", "0-9", "1-", "-1", "1-2-3", "a", "1;2", "300", "01"])
  func `VRIDs that are wrong`(text: String) {
    #expect(!SchemaCheck.matches(text, TextForm.vrids))
    #expect(!Manifests.Options.areVRIDs(text))
  }
}
