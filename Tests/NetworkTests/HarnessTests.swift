import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// The laboratory itself, tried with keepalived on both sides.
  @Suite struct HarnessTests {
    @Test("An address that is taken away and given back is an outage for the client")
    func pingerMeasuresOutage() throws {
      let segment = try Segment(nodes: 1)
      let node = segment.nodes[0]
      for family in AddressFamily.allCases {
        let target: IPAddress = family == .ipv4 ? .v4(node.ipv4) : .v6(node.ipv6)
        let pinger = try Pinger(from: segment.client, to: target)
        try pinger.waitForAnswer()
        try segment.lose(.everything, .toNode, node)
        pause(.milliseconds(200))
        try segment.deliver(node)
        try pinger.waitForAnswer()
        let report = try pinger.stop()
        #expect(report.holders == [node.mac])
        #expect(report.longestOutage > .milliseconds(190))
        #expect(report.outages(over: Bound(machine: .milliseconds(100))).count <= 1)
        #expect(report.outages(over: Bound(.milliseconds(200), machine: .milliseconds(700))) == [])
      }
    }

    @Test("A cut link is silent and a restored one speaks again")
    func cutAndRestore() throws {
      let segment = try Segment(nodes: 1)
      let node = segment.nodes[0]
      let pinger = try Pinger(from: segment.client, to: .v4(node.ipv4))
      try pinger.waitForAnswer()
      try segment.cut(node)
      try eventually("the node sees that its link is down") {
        try node.namespace.check(["ip", "link", "show", "eth0"]).contains("NO-CARRIER")
      }
      let cut = Moment.now
      pause(.milliseconds(100))
      #expect(try pinger.report().answers.contains { $0.at > cut } == false)
      try segment.restore(node)
      try pinger.waitForAnswer()
      #expect(try node.holds(.v6(node.linkLocal)))
    }

    @Test("A namespace ends with its processes, and a process with its object")
    func nothingIsLeft() throws {
      let files = try TemporaryDirectory()
      var namespace: Namespace? = try Namespace("gone")
      let name = try #require(namespace?.name)
      // A shell that leaves the group of its parent, as a daemon does.
      let process = try #require(namespace).start(
        ["setsid", "--fork", "sleep", "1000"], logPath: files["log"])
      #expect(process.waitForExit(within: .seconds(5)) == 0)
      let sleeper = try eventually("the sleeper sleeps") {
        try check(["ip", "netns", "pids", name]).split(separator: "\n")
          .first { readText("/proc/\($0)/cmdline").hasPrefix("sleep") }
      }
      namespace = nil
      #expect(try !check(["ip", "netns", "list"]).contains(name))
      #expect(readText("/proc/\(sleeper)/cmdline").isEmpty)
    }

    @Test("Two keepalived: the higher priority is Active, and its advertisements are in order")
    func keepalivedAdverts() throws {
      for family in AddressFamily.allCases {
        let segment = try Segment(nodes: 2)
        let capture = try Capture(segment)
        let vip = segment.virtualAddress(family)
        var settings = Keepalived.Settings(addresses: [vip.description])
        let low = try Keepalived(on: segment.nodes[1], of: segment, settings)
        settings.priority = 150
        let high = try Keepalived(on: segment.nodes[0], of: segment, settings)
        try high.waitUntil(.active)
        try low.waitUntil(.backup)
        let source = high.node.advertiser(family)
        try eventually("it has advertised for a while") {
          try capture.adverts().count { $0.source == source } >= 5
        }
        let adverts = try capture.stop().filter { $0.source == source }
        for advert in adverts {
          #expect(advert.version == 3 && advert.type == 1)
          #expect(advert.vrid == 51 && advert.priority == 150 && advert.interval == 10)
          #expect(advert.ttl == 255 && advert.trafficClass == 0xC0)
          #expect(advert.checksumForm == .pseudoHeader)
          #expect(advert.sourceMAC == high.node.mac)
          #expect(advert.destination == .vrrpGroup(family))
          #expect(advert.addresses == [vip])
        }
      }
    }

    @Test("Two keepalived: the death of one is an outage of three intervals and the skew")
    func keepalivedFailover() throws {
      let segment = try Segment(nodes: 2)
      let capture = try Capture(segment)
      let vip = segment.virtualAddress(.ipv4)
      var settings = Keepalived.Settings(addresses: [vip.description])
      let low = try Keepalived(on: segment.nodes[1], of: segment, settings)
      settings.priority = 150
      let high = try Keepalived(on: segment.nodes[0], of: segment, settings)
      try high.waitUntil(.active)
      try low.waitUntil(.backup)
      let pinger = try Pinger(from: segment.client, to: vip)
      try pinger.waitForAnswer()

      try high.kill()
      // A dead machine does not answer; its kernel lives on here and would.
      try high.node.namespace.ip("address del \(vip)/32 dev eth0")
      try low.waitUntil(.active)
      try pinger.waitForAnswer()

      let report = try pinger.stop()
      #expect(report.holders == [high.node.mac, low.node.mac])
      // 3 × 100 ms and the skew of priority 100, counted from the last advertisement.
      #expect(report.longestOutage > .milliseconds(250))
      #expect(report.outages(over: Bound(.milliseconds(361), machine: .milliseconds(150))) == [])
      let reigns = try capture.stop().reigns(vrid: 51, pause: .milliseconds(200))
      #expect(reigns.map(\.source).suffix(2) == [.v4(high.node.ipv4), .v4(low.node.ipv4)])
      try low.stop()
      #expect(try !low.node.holds(vip))
    }
  }
}
