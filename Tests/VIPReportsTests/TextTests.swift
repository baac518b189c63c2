import Glibc
import Testing
import VIP
import VIPControl
import VIPCore
import VRRP

@testable import VIPReports

/// Log lines, control messages and the small texts between processes.
@Suite struct TextTests {
  private static let moment = Instant(nanoseconds: 1_795_428_000_123_999_999)

  @Test func `a log line`() throws {
    let from = try #require(IPAddress("192.0.2.2"))
    let event = NodeEvent.transition(
      router: "web", family: .ipv4,
      Transition(from: .active, to: .backup, reason: .higherPriority(from, .default)))
    #expect(
      LogLine(event).logfmt(at: LogLine.timestamp(Self.moment))
        == "2026-11-23T10:00:00.123Z level=info router=web family=ipv4 "
        + "msg=\"active → backup: 192.0.2.2 has higher priority 100\"")
  }

  @Test func `what is wrong is a warning`() throws {
    let address = try #require(InterfaceAddress("2001:db8::10/64"))
    let lines = [
      NodeEvent.waiting(
        router: "web", family: .ipv6, reason: .interface(InterfaceFault(.down, of: "eth0"))),
      .warning(Problem(.foreignGroup, router: "web", family: .ipv6, "another group")),
      .cleared(Problem(.foreignGroup, router: "web", family: .ipv6, "a group; end it"), .over),
      .cleared(Problem(.foreignGroup, router: "web", family: .ipv6, "a group; end it"), .unseen),
      .cleared(Problem(.unguarded, router: "web", family: .ipv6, "no room"), .unwatched),
      .repaired(router: "web", address: address), .repairedRoute(router: "web", subnet: address),
      .removed(router: "web"),
    ].map { LogLine($0).logfmt(at: LogLine.timestamp(Self.moment)).dropFirst(25) }
    #expect(
      lines == [
        "level=warning router=web family=ipv6 msg=\"fault: eth0 is down\"",
        "level=warning router=web family=ipv6 msg=\"another group\"",
        "level=info router=web family=ipv6 msg=\"over: a group\"",
        "level=info router=web family=ipv6 msg=\"no longer seen: a group\"",
        "level=info router=web family=ipv6 msg=\"no longer watched: no room\"",
        "level=warning router=web family=ipv6 "
          + "msg=\"2001:db8::10/64 was missing and has been put back\"",
        "level=warning router=web family=ipv6 "
          + "msg=\"the route to 2001:db8::10/64 was missing and has been put back\"",
        "level=info router=web msg=\"removed\"",
      ])
  }

  @Test func `a change of a router is news`() throws {
    let subnet = try #require(InterfaceAddress("2001:db8::/64"))
    let weakness = NodeEvent.PriorityEffect(
      .tracked(InterfaceFault(.down, of: "eth1")), weight: -60)
    let old = RouterConfiguration(name: "web", interface: "eth0", vrid: 51, addresses: [])
    var new = old
    new.priority = 120
    let lines = [
      NodeEvent.RouterChange.settings(ChangeReport.Change(from: old, to: new)),
      .priority(from: 150, to: 90, because: [weakness]), .routeMade(subnet: subnet),
    ].map {
      LogLine(.changed(router: "web", $0)).logfmt(at: LogLine.timestamp(Self.moment)).dropFirst(25)
    }
    #expect(
      lines == [
        "level=info router=web msg=\"changed: priority 100 → 120\"",
        "level=info router=web "
          + "msg=\"changed: priority 150 → 90: eth1 is down, which lowers the priority by 60\"",
        "level=info router=web msg=\"changed: this machine has no route to 2001:db8::/64 and gets "
          + "one with the virtual address\"",
      ])
  }

  @Test func `nothing breaks out of a log line`() {
    let line = LogLine(
      .error, "said \"no\\yes\"\nlevel=info", fields: [("dir", "/a b"), ("empty", "")])
    #expect(
      line.logfmt(at: LogLine.timestamp(Self.moment)).dropFirst(25)
        == #"level=error dir="/a b" empty="" msg="said \"no\\yes\"\nlevel=info""#)
  }

  @Test func `a change has a line for the node and for each router that is not as before`() {
    let old = RouterConfiguration(name: "web", interface: "eth0", vrid: 51, addresses: [])
    var (other, new) = (old, old)
    other.vrid = 52
    new.priority = 150
    var report = ChangeReport()
    #expect(ChangeText.lines(ChangeRecord(report)) == [])
    #expect(ChangeText.summary(ChangeRecord(report)) == "nothing has changed")
    report.node = ChangeReport.NodeChange(from: NodeSettings(), to: NodeSettings(lease: .off))
    report.added = ["a"]
    report.changed = [ChangeReport.Change(from: old, to: new)]
    report.replaced = [ChangeReport.Change(from: old, to: other)]
    report.removed = ["b"]
    report.unchanged = ["c"]
    let lines = [
      "node: lease auto → off", "b: down", "web: restarted: VRID 51 → 52",
      "web: priority 100 → 150", "a: added",
    ]
    #expect(ChangeText.lines(ChangeRecord(report)) == lines)
    #expect(ChangeText.summary(ChangeRecord(report)) == lines.joined(separator: "; "))
  }

  @Test func `control messages survive the way`() throws {
    let settings = RouterConfiguration(
      name: "web", interface: "eth0", vrid: try #require(VRID("51")),
      addresses: [try #require(InterfaceAddress("192.0.2.10/24"))], preempts: false,
      checksum: .pseudoHeader, version: .v2, preemptDelay: .milliseconds(1500),
      password: Authentication.Password("sesame"))
    for request in [
      ControlRequest.up([settings], timeout: .milliseconds(2500)),
      .add(router: "web", addresses: settings.addresses), .reload,
      .remove(router: "web", addresses: settings.addresses.map(\.address)),
      .resign(router: "web"), .resign(router: "web", for: .milliseconds(1500)),
      .promote(router: "web"), .resignAll(), .resignAll(for: .seconds(60)),
      .resume(router: "web"), .resumeAll, .configuration(), .configuration(router: "web"),
      .down(["web", "192.0.2.1"]),
      .downAll,
      .status(nil), .status("web"),
    ] {
      let line = JSONCoding.line(request)
      #expect(!line.contains(UInt8(ascii: "\n")))
      #expect(JSONCoding.decode(ControlRequest.self, from: line) == request)
    }
    for reply in [
      ControlReply.done(try exampleStatus()), .failed(ControlFailure(.waiting, "eth0 is down\n")),
    ] {
      let line = JSONCoding.line(reply)
      #expect(!line.contains(UInt8(ascii: "\n")))
      #expect(JSONCoding.decode(ControlReply.self, from: line) == reply)
    }
  }

  @Test func `durations are seconds in the form of the socket, within a day`() throws {
    let requests: [(ControlRequest, String)] = [
      (.up([], timeout: .milliseconds(2500)), #"{"up":{"_0":[],"timeoutSeconds":2.5}}"#),
      (.resign(router: "web", for: .seconds(60)), #"{"resign":{"router":"web","seconds":60}}"#),
      (.resign(router: "web"), #"{"resign":{"router":"web"}}"#),
      (.resignAll(for: .seconds(60)), #"{"resignAll":{"seconds":60}}"#),
    ]
    for (request, text) in requests {
      #expect(String(decoding: JSONCoding.line(request), as: UTF8.self) == text)
    }
    let hostile: [(String, Duration)] = [
      ("1e300", .seconds(86_400)), ("-1e300", .zero), ("-0.5", .zero), ("86401", .seconds(86_400)),
    ]
    for (number, duration) in hostile {
      let text = #"{"dryRun":{"_0":{"up":{"_0":[],"timeoutSeconds":\#(number)}}}}"#
      #expect(
        JSONCoding.decode(ControlRequest.self, from: Array(text.utf8))
          == .dryRun(.up([], timeout: RequestTime(duration))))
    }
  }

  @Test(arguments: [
    "", "{}", "null", "[]", "{\"up\":{}}", "{\"down\":{\"_0\":[1]}}", "\u{0}",
    "{\"up\":{\"_0\":{\"vrid\":0},\"timeoutSeconds\":1}}",
  ])
  func `nonsense is no request`(text: String) {
    #expect(JSONCoding.decode(ControlRequest.self, from: Array(text.utf8)) == nil)
  }

  @Test func `a status as JSON has its keys in a stable order`() throws {
    let status = try exampleStatus()
    let text = JSONCoding.pretty(status)
    #expect(text == JSONCoding.pretty(status))
    #expect(JSONCoding.decode(NodeRecord.self, from: Array(text.utf8)) == status)
    #expect(text.contains("\"address\" : \"192.0.2.10/24\""))
    #expect(text.contains("\"advertisement-sent\" : 3"))
    let keys = ["activeRouter", "addresses", "effectivePriority", "family", "warnings"]
    let places = keys.compactMap { text.firstRange(of: "\"\($0)\"")?.lowerBound }
    #expect(places.count == keys.count && places == places.sorted())
  }
}
