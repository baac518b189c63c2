import Foundation
import TestSupport
import Testing
import VIP
import VIPCore
import VIPMonitor
import VIPReports
import VRRP
import VRRPSimulation

@testable import vipctl

/// `vipctl monitor` with captures, and what it prints.
@Suite struct MonitorCommandTests {
  private func monitor(_ arguments: [String]) throws -> CommandResult {
    let plain =
      geteuid() == 0
      ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"] : []
    return try run(["env", "TZ=UTC"] + plain + [VipctlNode.binary, "monitor"] + arguments)
  }

  /// A capture of a simulated failover.
  private func capture(in folder: TemporaryDirectory) throws -> String {
    let run = try ScenarioRun(
      playing: "router a priority 200\nrouter b\ntick 5s\nstop a\ntick 3s\n", capturesPackets: true)
    let bytes = try #require(run.simulation.capture).bytes
    try Data(bytes).write(to: URL(filePath: folder["a.pcap"]))
    return folder["a.pcap"]
  }

  @Test func `a line for each packet`() throws {
    let folder = try TemporaryDirectory()
    let result = try monitor(["-r", try capture(in: folder)])
    #expect(result.status == 0 && result.errors.isEmpty)
    let text = "checksum pseudo-header for 192.0.2.100"
    #expect(
      result.output == """
        00:00:03.218750 note     VRRPv3 192.0.2.1 VRID 1 priority 200 every 1s \(text) — first \
        heard of VRID 1 over IPv4
        00:00:04.218750 ok       VRRPv3 192.0.2.1 VRID 1 priority 200 every 1s \(text)
        00:00:05.000000 note     VRRPv3 192.0.2.1 VRID 1 priority 0 every 1s \(text) — leaves; the \
        next one takes over within Skew_Time
        00:00:05.609475 note     VRRPv3 192.0.2.2 VRID 1 priority 100 every 1s \(text) — Active \
        from now on; the one before had left
        00:00:06.609475 ok       VRRPv3 192.0.2.2 VRID 1 priority 100 every 1s \(text)
        00:00:07.609475 ok       VRRPv3 192.0.2.2 VRID 1 priority 100 every 1s \(text)

        """)
  }

  @Test func `a summary`() throws {
    let folder = try TemporaryDirectory()
    let result = try monitor(["-r", try capture(in: folder), "--summary"])
    #expect(
      result.output == """
        VRID  FAMILY  ROUTER     STATE   PRIO  EVERY  VERSION  CHECKSUM       ADDRESSES
        1     ipv4    192.0.2.2  active  100   1s     3        pseudo-header  192.0.2.100
        1     ipv4    192.0.2.1  left    200   1s     3        pseudo-header  192.0.2.100

        Free VRIDs: 2-255
        Heard in 4.39s: 6 advertisements, 0 announcements, 0 probes, 0 rejected.

        """)
  }

  @Test func `JSON, line by line and as a summary`() throws {
    let folder = try TemporaryDirectory()
    let path = try capture(in: folder)
    let lines = try monitor(["-r", path, "--json"]).output.split(separator: "\n")
    let packets = try lines.map { try JSONDecoder().decode(PacketRecord.self, from: Data($0.utf8)) }
    #expect(packets.count == 6)
    #expect(lines.allSatisfy { $0.contains("\"findings\":[") }, "the key that scripts know")
    #expect(packets.first?.time == "1970-01-01T00:00:03.218750Z")
    #expect(packets.map { $0.advertisement?.priority } == [200, 200, 0, 100, 100, 100])
    #expect(packets.map(\.verdict) == [.note, .fine, .note, .note, .fine, .fine])
    let summary = try JSONDecoder().decode(
      SegmentRecord.self, from: Data(try monitor(["-r", path, "--json", "--summary"]).output.utf8))
    #expect(summary.groups.first?.active == IPAddress("192.0.2.2"))
  }

  @Test func `a number of packets or a time is enough`() throws {
    let folder = try TemporaryDirectory()
    let path = try capture(in: folder)
    #expect(try monitor(["-r", path, "--count", "2"]).output.split(separator: "\n").count == 2)
    #expect(try monitor(["-r", path, "--for", "2s"]).output.split(separator: "\n").count == 3)
  }

  @Test func `captures that are none, or end too soon`() throws {
    let folder = try TemporaryDirectory()
    let path = try capture(in: folder)
    let whole = try monitor(["-r", path]).output
    try check(["sh", "-c", "head -c 330 \(path) > \(folder["cut.pcap"])"])
    let cut = try monitor(["-r", folder["cut.pcap"]])
    #expect(cut.status == ExitStatus.file.rawValue)
    #expect(!cut.output.isEmpty && whole.hasPrefix(cut.output), "what is whole is shown")
    #expect(
      cut.errors
        == "vipctl: \(folder["cut.pcap"]): the file ends within a packet, after 4 whole ones; it "
        + "was cut or is still written\n")
    try folder.write("routers:\n- name: web\n", to: "web.yaml")
    let none = try monitor(["-r", folder["web.yaml"], "--summary"])
    #expect(none.status == ExitStatus.file.rawValue && none.output.isEmpty)
    #expect(
      none.errors
        == "vipctl: \(folder["web.yaml"]): this is no capture file; give one that tcpdump or "
        + "Wireshark wrote\n")
    let missing = try monitor(["-r", folder["none"]])
    #expect(missing.status == ExitStatus.file.rawValue)
    #expect(missing.errors == "vipctl: \(folder["none"]): there is no such file\n")
  }

  @Test func `listening needs a capability`() throws {
    let result = try monitor(["-i", "lo"])
    #expect(result.status == ExitStatus.notPermitted.rawValue)
    #expect(result.errors.hasPrefix("vipctl: CAP_NET_RAW is missing; use sudo, or once: "))
  }

  @Test func `warnings in a summary, with and without colour`() throws {
    let run = try ScenarioRun(
      playing: "router a priority 200\nrouter b vip 192.0.2.99\ntick 2s\ncrash a\ntick 9s\n",
      capturesPackets: true)
    var reader = CaptureReader()
    reader.append(try #require(run.simulation.capture).bytes)
    var monitor = SegmentMonitor()
    var lines: [String] = []
    var lastFrame: [UInt8] = []
    while let frame = try reader.next() {
      lastFrame = frame.bytes
      if let seen = monitor.observe(frame) { lines.append(MonitorText.line(seen, colour: true)) }
    }
    #expect(lines.allSatisfy { $0.contains("\u{1B}[") })
    let escapes = try Regex("\u{1B}\\[[0-9]+m")
    let again = monitor.observe(CapturedFrame(time: wallClock(), bytes: lastFrame))
    let seen = try #require(again)
    for width in [20, 40, 80, 200] {
      let text = MonitorText.line(seen, colour: true, width: width).replacing(escapes, with: "")
      #expect(text == MonitorText.line(seen, colour: false, width: width))
      #expect(text.split(separator: "\n").allSatisfy { $0.count <= width }, "\(text)")
    }
    #expect(!MonitorText.line(seen, colour: false).contains("\n"))
    let summary = MonitorText.render(monitor.summary(), colour: true, width: 50)
    #expect(
      summary.replacing(escapes, with: "").split(separator: "\n")
        .filter { $0.hasPrefix("! ") || $0.hasPrefix("  ") }.allSatisfy { $0.count <= 50 })
    #expect(MonitorText.render(monitor.summary(), colour: true).contains("Free VRIDs: 2-255"))
    #expect(!MonitorText.render(monitor.summary(), colour: false).contains("\u{1B}"))
  }
}
