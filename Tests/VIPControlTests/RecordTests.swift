import ARP
import Foundation
import Testing
import VIPControl
import VIPCore
import VRRP

@testable import VIP

/// The numbers and texts that a status becomes on its way to other processes.
@Suite struct RecordTests {
  @Test func `durations become seconds, times and versions what scripts know`() throws {
    let address = try #require(IPAddress("192.0.2.2"))
    let router = RouterStatus(
      name: "web", interface: "eth0", vrid: try #require(VRID(exactly: 51)), family: .ipv4,
      version: .v3, state: .backup, priority: .default, effectivePriority: .default,
      interval: .default, addresses: [], since: Timestamp(nanosecondsSince1970: 1_999_999_999),
      timeInState: .milliseconds(1500), reason: .transition(.startup), statistics: Statistics(),
      segmentStatistics: SegmentStatistics(), conflicts: RouterStatus.Conflicts(),
      takeovers: RouterStatus.Takeovers(count: 1, last: .milliseconds(17), max: .milliseconds(20)),
      lease: RouterStatus.Lease(
        lifetime: .seconds(3), age: .milliseconds(250), takeover: .milliseconds(400)), peers: [],
      problems: [
        Problem(.twoActives, router: "web", family: .ipv4, "two of them"),
        Problem(.announcing, router: "web", family: .ipv4, "no buffer"),
      ], unicastTo: [address])
    let record = NodeRecord(
      NodeStatus(
        node: NodeStatus.Node(
          version: "1", pid: 4, uptime: .milliseconds(12_500), lease: .default,
          isRealtime: true,
          wakeUps: NodeStatus.WakeUps(histogram: [.init(upTo: .microseconds(100), count: 2)])),
        routers: [router]))
    #expect(record.node.uptimeSeconds == 12.5 && record.node.realtime)
    #expect(record.node.lease == "auto")
    #expect(record.node.wakeUps.lateAfterSeconds == 0.01)
    #expect(record.node.wakeUps.histogram.map(\.upToSeconds) == [0.0001])
    let entry = try #require(record.routers.first)
    #expect(entry.version == 3 && entry.since == "1970-01-01T00:00:01Z")
    #expect(entry.secondsInState == 1.5 && entry.takeovers.lastSeconds == 0.017)
    #expect(entry.takeovers.maxSeconds == 0.02 && entry.takeovers.sumSeconds == 0)
    #expect(entry.lease?.seconds == 3 && entry.lease?.ageSeconds == 0.25)
    #expect(entry.lease?.takeoverSeconds == 0.4)
    #expect(entry.warnings == ["two of them", "no buffer"] && entry.unicastTo == [address])
  }

  /// The keys of a value as JSON, and those that its properties are to have.
  private func keys(
    _ value: some Encodable, renamed: [String: String]
  ) throws -> (found: Set<String>, wanted: Set<String>) {
    let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(value))
    let found = try #require(object as? [String: Any]).keys
    let properties = Mirror(reflecting: value).children.compactMap(\.label)
    return (Set(found), Set(properties.map { renamed[$0] ?? $0 }))
  }

  @Test func `each property of a router and of its configuration has its key in JSON`() throws {
    let address = try #require(IPAddress("192.0.2.2"))
    let mac = try #require(MACAddress("00:00:5e:00:01:33"))
    var status = RouterStatus(
      name: "web", interface: "eth0", vrid: 51, family: .ipv4, version: .v3, state: .backup,
      priority: .default, effectivePriority: .default, interval: .default, activeRouter: address,
      addresses: [], virtualMAC: .init(address: mac, interface: "vip4-2-51"),
      since: Timestamp(nanosecondsSince1970: 0), timeInState: .zero, reason: .waiting(.notStarted),
      lease: RouterStatus.Lease(lifetime: .seconds(3), age: .zero, takeover: .seconds(2)),
      hooks: RouterStatus.Hooks(),
      unicastTo: [address], routing: [RouterStatus.RoutingStatus(entry: "rule", installed: true)],
      group: "gateway", request: "resigned")
    status.activeSince = Timestamp(nanosecondsSince1970: 0)
    status.activeFor = .zero
    status.checks = [
      RouterStatus.Check(check: "web", standing: .passing, isOut: false, weight: 0)
    ]
    let record = try keys(RouterRecord(status), renamed: ["virtualMAC": "virtualMac"])
    #expect(record.found == record.wanted)

    let settings = RouterConfiguration(
      interface: "eth0", vrid: 51, addresses: [], preempts: false,
      password: Authentication.Password("sesame"), virtualMAC: true)
    let configuration = try keys(
      settings, renamed: ["virtualMAC": "virtualMac", "preempts": "preempt", "probes": "probe"])
    #expect(configuration.found == configuration.wanted)
    let copy = try JSONDecoder().decode(
      RouterConfiguration.self, from: JSONEncoder().encode(settings))
    #expect(copy == settings)
  }

  @Test func `settings of a node survive the way over the socket`() throws {
    var settings = NodeSettings(lease: try #require(LeasePolicy("5s")), isGuarded: true)
    settings.announcements.pauses = [.milliseconds(1500)]
    settings.announcements.refresh = .seconds(60)
    let router = RouterConfiguration(
      interface: "eth0", vrid: 51, addresses: [], password: Authentication.Password("sesame"))
    let group = RouterGroup(name: "gateway", routers: ["eth0-51"])
    for settings in [settings, NodeSettings(), NodeSettings(lease: .off, isRealtime: true)] {
      let record = ConfigurationRecord(settings, routers: [router], groups: [group])
      let copy = try JSONDecoder().decode(
        ConfigurationRecord.self, from: JSONEncoder().encode(record))
      #expect(copy == record && copy.settings == settings)
    }
  }

  @Test func `a change becomes words, which come back as they went`() throws {
    let old = RouterConfiguration(name: "web", interface: "eth0", vrid: 51, addresses: [])
    var new = old
    new.priority = 150
    var other = old
    other.vrid = 52
    var report = ChangeReport()
    report.node = ChangeReport.NodeChange(
      from: NodeSettings(), to: NodeSettings(lease: .off, isGuarded: true))
    report.added = ["a"]
    report.changed = [ChangeReport.Change(from: old, to: new)]
    report.replaced = [ChangeReport.Change(from: old, to: other)]
    report.removed = ["b"]
    report.unchanged = ["c"]
    let record = ChangeRecord(report)
    #expect(record.node == ["lease auto → off", "guard off → on"])
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let json = try encoder.encode(record)
    #expect(
      String(decoding: json, as: UTF8.self)
        == #"{"added":["a"],"changed":[{"difference":"priority 100 → 150","router":"web"}],"#
        + #""node":["lease auto → off","guard off → on"],"removed":["b"],"#
        + #""replaced":[{"difference":"VRID 51 → 52","router":"web"}],"unchanged":["c"]}"#)
    #expect(try JSONDecoder().decode(ChangeRecord.self, from: json) == record)
    #expect(ChangeRecord(ChangeReport()) == ChangeRecord())
  }

  @Test func `a change of a router is recorded in words`() throws {
    let old = RouterConfiguration(name: "web", interface: "eth0", vrid: 51, addresses: [])
    var new = old
    new.priority = 150
    let address = try #require(InterfaceAddress("192.0.2.10/24"))
    let rows: [(NodeEvent.RouterChange, String)] = [
      (.settings(ChangeReport.Change(from: old, to: new)), "priority 100 → 150"),
      (
        .priority(
          from: 150, to: 140,
          because: [NodeEvent.PriorityEffect(.external(cause: "load", text: "busy"), weight: -10)]),
        "priority 150 → 140: load: busy, which lowers the priority by 10"
      ),
      (
        .addressReordered(address, interface: "eth0"),
        "192.0.2.10/24 had become the first address of its subnet on eth0 and is behind the host's "
          + "own again"
      ),
    ]
    for (change, text) in rows {
      let event = NodeEvent.changed(router: "web", change)
      let record = EventRecord(
        StampedEvent(event: event, sequence: 7, time: Timestamp(nanosecondsSince1970: 0)))
      let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(record))
      let json = try #require(object as? [String: Any])
      #expect(Set(json.keys) == ["time", "sequence", "event", "router", "text"])
      #expect(json["event"] as? String == "changed" && json["router"] as? String == "web")
      #expect(json["text"] as? String == text)
    }
  }

  private func warnings(_ kinds: [Problem.Kind]) throws -> [String] {
    let problems = kinds.enumerated().map { number, kind in
      Problem(kind, router: "web", family: .ipv4, "text \(number)")
    }
    let router = RouterStatus(
      name: "web", interface: "eth0", vrid: 51, family: .ipv4, version: .v3, state: .backup,
      priority: .default, effectivePriority: .default, interval: .default, addresses: [],
      since: Timestamp(nanosecondsSince1970: 0), timeInState: .zero,
      reason: .waiting(.notStarted), problems: problems)
    return RouterRecord(router).warnings
  }

  @Test func `of many addresses with one kind of problem only some are named`() throws {
    func conflicts(_ count: Int) throws -> [Problem.Kind] {
      try (1...count).map { .conflict(try #require(IPAddress("192.0.2.\($0)"))) }
    }
    #expect(try warnings(conflicts(3)) == ["text 0", "text 1", "text 2"])
    #expect(
      try warnings(conflicts(4) + [.announcing]) == [
        "text 0", "text 1", "text 2", "1 more address is also used by other machines", "text 4",
      ])
    #expect(
      try warnings([.twoActives] + conflicts(6)) == [
        "text 0", "text 1", "text 2", "text 3", "3 more addresses are also used by other machines",
      ])
    let failures: [Problem.Kind] = try (1...3).map {
      .addressFailure(try #require(InterfaceAddress("192.0.2.\($0)/24")))
    }
    #expect(
      try warnings([failures[0], .advertising]) == ["text 0", "text 1"])
    #expect(
      try warnings([.macvlan] + failures + [.unguarded]) == [
        "text 0", "text 1 (and 2 more)", "text 4",
      ])
  }
}
