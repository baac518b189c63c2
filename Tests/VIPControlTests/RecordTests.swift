import Testing
import VIP
import VIPControl
import VIPCore
import VRRP

/// The numbers and texts that a status becomes on its way to other processes.
@Suite struct RecordTests {
  @Test func `durations become seconds, times and versions what scripts know`() throws {
    let address = try #require(IPAddress("192.0.2.2"))
    let router = RouterStatus(
      name: "web", interface: "eth0", vrid: try #require(VRID(exactly: 51)), family: .ipv4,
      version: .v3, state: .backup, priority: .default, effectivePriority: .default,
      interval: .default, addresses: [], since: Timestamp(nanosecondsSince1970: 1_999_999_999),
      timeInState: .milliseconds(1500), reason: .transition(.startup), statistics: Statistics(),
      segmentStatistics: SegmentStatistics(), conflicts: ConflictStatus(),
      takeovers: TakeoverStatus(count: 1, last: .milliseconds(17), max: .milliseconds(20)),
      lease: LeaseStatus(lifetime: .seconds(3), age: .milliseconds(250)), peers: [],
      problems: [
        Problem(.twoActives, router: "web", family: .ipv4, "two of them"),
        Problem(.announcing, router: "web", family: .ipv4, "no buffer"),
      ], unicastTo: [address])
    let record = NodeRecord(
      NodeStatus(
        node: NodeStatus.Node(
          version: "1", pid: 4, uptime: .milliseconds(12_500), lease: .default,
          isRealtime: true,
          wakeUps: WakeUpStatus(histogram: [.init(upTo: .microseconds(100), count: 2)])),
        routers: [router]))
    #expect(record.node.uptimeSeconds == 12.5 && record.node.lease == "3s" && record.node.realtime)
    #expect(record.node.wakeUps.lateAfterSeconds == 0.01)
    #expect(record.node.wakeUps.histogram.map(\.upToSeconds) == [0.0001])
    let entry = try #require(record.routers.first)
    #expect(entry.version == 3 && entry.since == "1970-01-01T00:00:01Z")
    #expect(entry.secondsInState == 1.5 && entry.takeovers.lastSeconds == 0.017)
    #expect(entry.takeovers.maxSeconds == 0.02 && entry.takeovers.sumSeconds == 0)
    #expect(entry.lease?.seconds == 3 && entry.lease?.ageSeconds == 0.25)
    #expect(entry.warnings == ["two of them", "no buffer"] && entry.unicastTo == [address])
  }
}
