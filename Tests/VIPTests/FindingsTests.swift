import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// Peers and what is wrong with them: said once, shown while it lasts, taken back when it is over.
@Suite struct FindingsTests {
  /// How what was told of has ended.
  private func endings(_ bench: Bench) -> [Problem.Ending] {
    bench.events.compactMap { if case .cleared(_, let ending) = $0 { ending } else { nil } }
  }

  private func said(_ bench: Bench) -> (warnings: [String], over: [String]) {
    var warnings: [String] = []
    var over: [String] = []
    for event in bench.events {
      if case .warning(let problem) = event { warnings.append(problem.text) }
      if case .cleared(let problem, _) = event { over.append(problem.text) }
    }
    return (warnings, over)
  }

  /// An advertisement of another machine, with one thing or another unlike ours.
  private func hear(
    _ bench: Bench, _ priority: UInt8 = 200, interval: String = "1s",
    version: ProtocolVersion = .v3, password: String? = nil, form: ChecksumForm = .pseudoHeader,
    from source: String = "198.18.0.2", addresses: [String] = ["198.18.0.100"]
  ) throws {
    let list = try addresses.map { try #require(IPAddress($0)) }
    let source = try #require(IPAddress(source))
    let authentication: Authentication =
      try password.map { .simpleText(try #require(Authentication.Password($0))) } ?? .none
    let advertisement = Advertisement(
      vrid: try #require(VRID(exactly: 51)), priority: Priority(rawValue: priority),
      interval: try #require(AdvertisementInterval(interval, version: version)),
      addressCount: list.count, family: .ipv4,
      checksumForm: version == .v2 ? .message : form, version: version,
      authentication: authentication)
    bench.hear(advertisement.encoded(list, from: source, to: .vrrpGroup(.ipv4)), from: source)
  }

  @Test func `a peer is shown with what it says`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    try hear(bench, interval: "500ms", form: .message)
    bench.pass(.milliseconds(250))
    let peer = try #require(bench.engine.status().first?.peers.first)
    #expect(peer.address == IPAddress("198.18.0.2") && peer.priority == Priority(rawValue: 200))
    #expect(peer.version == .v3 && peer.checksumForm == .message && peer.addresses == .same)
    #expect(peer.interval == AdvertisementInterval("500ms"))
    #expect(abs(peer.silence / .milliseconds(1) - 250) < 1)
    #expect(peer.isActive)
    bench.pass(.seconds(2))
    #expect(bench.engine.status().first?.peers.first?.isActive == false)
  }

  @Test func `a farewell is priority 0`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    try hear(bench, 0)
    let peer = try #require(bench.engine.status().first?.peers.first)
    #expect(peer.priority == .farewell && !peer.isActive)
  }

  @Test func `nothing is wrong with a peer that is as it should be`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    for _ in 0..<5 {
      // The order of the addresses does not matter.
      try hear(bench, addresses: ["198.18.0.101", "198.18.0.100"])
      bench.pass(.seconds(1))
    }
    #expect(said(bench).warnings.isEmpty && bench.warnings.isEmpty)
  }

  @Test func `another interval is told once and taken back when it is over`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    for _ in 0..<30 {
      try hear(bench, interval: "2s")
      bench.pass(.seconds(1))
    }
    let text =
      "198.18.0.2 advertises every 2s, this machine every 1s; set the same interval on all"
    #expect(said(bench).warnings == [text])
    #expect(said(bench).over.isEmpty)
    #expect(bench.warnings == [text])
    for _ in 0..<15 {
      try hear(bench)
      bench.pass(.seconds(1))
    }
    #expect(said(bench).warnings == [text])
    #expect(said(bench).over == [text])
    #expect(endings(bench) == [.over])
    #expect(bench.warnings.isEmpty)
    #expect(
      bench.events.last?.description
        == "web IPv4: over: 198.18.0.2 advertises every 2s, this machine every 1s")
  }

  @Test func `it is not over because its machine is silent, only not seen`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    try hear(bench, interval: "2s")
    bench.pass(.seconds(30))
    #expect(endings(bench) == [.unseen])
    #expect(
      bench.events.contains {
        $0.description
          == "web IPv4: no longer seen: 198.18.0.2 advertises every 2s, this machine every 1s"
      })
  }

  @Test func `nor because its router is taken down`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    try hear(bench, interval: "2s")
    bench.engine.remove("web")
    bench.settle()
    #expect(endings(bench) == [.unwatched])
  }

  @Test func `a slow machine that is not understood goes on between two of its messages`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    for _ in 0..<4 {
      try hear(bench, interval: "60s", version: .v2)
      bench.pass(.seconds(60))
    }
    #expect(said(bench).warnings.count { $0.contains("speaks VRRPv2") } == 1)
    #expect(endings(bench) == [])
  }

  @Test func `lists of one length that differ are told with what differs, also later`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    for addresses in [["198.18.0.100", "198.18.0.102"], ["198.18.0.101"]] {
      for _ in 0..<15 {
        try hear(bench, addresses: addresses)
        bench.pass(.seconds(1))
      }
    }
    #expect(
      said(bench).warnings == [
        "198.18.0.2 advertises 198.18.0.102 on VRID 51 and not 198.18.0.101, unlike this machine; "
          + "give all machines of the group the same addresses",
        "198.18.0.2 does not advertise 198.18.0.100 on VRID 51, unlike this machine; give all "
          + "machines of the group the same addresses",
      ])
    #expect(bench.warnings == [said(bench).warnings[1]])
    #expect(endings(bench) == [])
  }

  @Test func `a change that reaches the group's machines one by one is no trouble`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    for addresses in [["198.18.0.77"], ["198.18.0.100"]] {
      for _ in 0..<3 {
        try hear(bench, addresses: addresses)
        bench.pass(.seconds(1))
      }
      try hear(bench, addresses: ["198.18.0.100", "198.18.0.101"])
      bench.pass(.seconds(1))
    }
    #expect(said(bench).warnings == [] && bench.warnings == [])
    // It lasts: another group's Active has the role.
    for _ in 0..<5 {
      try hear(bench, addresses: ["198.18.0.77"])
      bench.pass(.seconds(1))
    }
    #expect(
      said(bench).warnings == [
        "198.18.0.2 advertises other addresses on VRID 51 than this machine (198.18.0.77); two "
          + "groups use this VRID, choose one that is free for one of them"
      ])
  }

  @Test func `another group is told before that there are two Actives`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(priority: 200))
    bench.pass(.seconds(4))
    for _ in 0..<6 {
      try hear(bench, 100, addresses: ["198.18.0.77"])
      bench.pass(.seconds(1))
    }
    let warnings = said(bench).warnings
    #expect(warnings.count == 2, "\(warnings)")
    #expect(warnings.first?.contains("advertises other addresses") == true)
    #expect(warnings.last?.contains("acts as Active") == true)
  }

  @Test func `a slow Active's trouble is not over between two of its advertisements`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    for _ in 0..<6 {
      try hear(bench, interval: "30s")
      bench.pass(.seconds(30))
    }
    #expect(said(bench).warnings.count == 1 && said(bench).over.isEmpty)
  }

  @Test func `nor is that of a slow peer, to an Active with a short interval`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    for _ in 0..<3 {
      try hear(bench, 50, interval: "30s")
      bench.pass(.seconds(30))
    }
    let (warnings, over) = said(bench)
    #expect(warnings.count { $0.contains("advertises every 30s") } == 1)
    #expect(over.isEmpty && bench.state() == .active)
  }

  @Test func `each kind has its sentence`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    try hear(bench, version: .v2)
    for _ in 0..<2 {
      try hear(bench, addresses: ["198.18.0.100"])
      try hear(bench, from: "198.18.0.3", addresses: ["198.18.0.77"])
      bench.pass(.milliseconds(3100))
    }
    try hear(bench, from: "198.18.0.1")
    #expect(
      said(bench).warnings == [
        "198.18.0.2 speaks VRRPv2, this machine VRRPv3; they don't hear each other, set the same "
          + "version on all",
        "198.18.0.2 does not advertise 198.18.0.101 on VRID 51, unlike this machine; give all "
          + "machines of the group the same addresses",
        "198.18.0.3 advertises other addresses on VRID 51 than this machine (198.18.0.77); two "
          + "groups use this VRID, choose one that is free for one of them",
        "an advertisement came in from 198.18.0.1, which is this machine's own address; another "
          + "machine has it too, or the network has a loop",
      ])
  }

  @Test func `two that act as Active are told of`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(priority: 200))
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
    for _ in 0..<3 {
      try hear(bench, 100)
      bench.pass(.seconds(1))
    }
    #expect(
      said(bench).warnings == [
        "198.18.0.2 acts as Active of VRID 51 while this machine does; see whether all machines "
          + "hear each other"
      ])
  }

  @Test func `another password is told of without telling it`() throws {
    let bench = try Bench()
    var settings = try settings()
    settings.version = .v2
    settings.password = Authentication.Password("sesame")
    try bench.engine.add(settings)
    try hear(bench, version: .v2, password: "open")
    try hear(bench, version: .v2)
    #expect(
      said(bench).warnings == [
        "198.18.0.2 authenticates itself otherwise than this machine; they ignore each other, set "
          + "the same password on all, or none"
      ])
    let everything = "\(bench.engine.status()) \(bench.events) \(settings)"
    #expect(!everything.contains("sesame") && !everything.contains("open"))
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    try hear(bench, version: .v2, password: "sesame")
    #expect(bench.state() == .backup)
  }

  @Test func `a lost link ends the trouble`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    try hear(bench, interval: "2s")
    bench.platform.fake.setFlags([.up, .broadcast, .multicast], onInterface: 2)
    bench.settle()
    #expect(bench.warnings.isEmpty)
    #expect(said(bench).over == said(bench).warnings && said(bench).over.count == 1)
    bench.pass(.seconds(20))
    #expect(said(bench).over.count == 1)
  }

  @Test func `a flood of invented senders makes few events and little memory`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    for number in 0..<2000 {
      try hear(
        bench, 10, interval: "2s", from: "198.18.\(1 + number / 250).\(1 + number % 250)",
        addresses: ["198.18.0.77"])
    }
    #expect(said(bench).warnings.count <= 4, "one for each kind")
    #expect(bench.engine.status().first?.peers.count == Peers.capacity)
  }

  @Test func `what can't be used is told once, with the reason`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    for _ in 0..<5 { try bench.hear(200, from: "198.18.0.2", hopLimit: 64) }
    let text =
      "what 198.18.0.2 sends for VRID 51 is ignored: TTL or hop limit is 64, not 255"
    #expect(bench.warnings == [text])
    let told = bench.events.filter { if case .warning = $0 { true } else { false } }
    #expect(told.count == 1)
    bench.pass(.seconds(15))
    #expect(bench.warnings == [])
  }
}
