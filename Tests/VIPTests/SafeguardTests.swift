import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// What the guard would do if the node died at that moment.
@Suite struct SafeguardTests {
  private final class FakeGuard: GuardProcess {
    var pid: Int32?
    var waiting: [GuardNews] = []
    var starts = 0
    var dismissals = 0
    var releases = 0
    var failure: NodeError?

    func start(_ area: GuardArea) throws(NodeError) -> Int32 {
      starts += 1
      if let failure { throw failure }
      pid = Int32(1000 + starts)
      waiting = [.isReady]
      return 99
    }

    func news() -> GuardNews { waiting.isEmpty ? .none : waiting.removeFirst() }

    func dismiss() -> String {
      dismissals += 1
      pid = nil
      return "signal 9"
    }

    func release() {
      releases += 1
      pid = nil
    }
  }

  private let bench: Bench
  private let area: GuardArea
  private let process = FakeGuard()

  init() throws {
    bench = try Bench()
    area = try GuardArea()
    bench.engine.protect(with: Safeguard(area, process))
  }

  private func deeds(after age: Duration = .zero) -> [GuardArea.Deed] {
    let now = bench.platform.time + age
    return area.deeds(at: now.nanoseconds)
  }

  /// The farewells that would be sent.
  private func packets(after age: Duration = .zero) -> [[UInt8]] {
    deeds(after: age).compactMap { if case .packet(let bytes, 2) = $0 { bytes } else { nil } }
  }

  /// The addresses that would be removed, by the last bytes of each request.
  private func removals(after age: Duration = .zero) throws -> Set<IPAddress> {
    var found: Set<IPAddress> = []
    for case .requests(let bytes) in deeds(after: age) {
      var place = 0
      while place < bytes.count {
        let length = Int(bytes[place])
        let family: AddressFamily = bytes[place + 16] == 2 ? .ipv4 : .ipv6
        // RTM_DELADDR; the others are about routes.
        if bytes[place + 4] == 21 {
          found.insert(
            bytes.span.ipAddress(family, at: place + length - family.addressByteCount))
        }
        place += length
      }
    }
    return found
  }

  private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

  @Test func `a macvlan goes with one request, and its interface gets its settings back`() throws {
    bench.platform.fake.setLink(
      Link(
        index: 2, name: "eth0", macAddress: FakePlatform.eth0.macAddress,
        ipv4: [.arpIgnore: 0, .arpAnnounce: 0]))
    try bench.engine.add(
      settings((1...200).map { "198.18.1.\($0)/16" }, virtualMAC: true))
    bench.settle()
    func requests() -> [UInt8] {
      deeds().flatMap { deed -> [UInt8] in
        if case .requests(let bytes) = deed { bytes } else { [] }
      }
    }
    #expect(
      requests() == LinkRequest.removal(ofMacvlan: "vip4-2-51", restoring: [:], ofParent: 2))
    #expect(packets().isEmpty)
    var covered: [UInt8] = []
    bench.platform.fake.failure = { request in
      if case .change(.setIPv4) = request { covered = requests() }
      return nil
    }
    bench.pass(.seconds(4))
    bench.platform.fake.failure = nil
    #expect(bench.state() == .active)
    let removal = LinkRequest.removal(
      ofMacvlan: "vip4-2-51", restoring: [.arpIgnore: 0, .arpAnnounce: 0], ofParent: 2)
    #expect(covered == removal, "before the interface is changed")
    #expect(requests() == removal)
    // A frozen node's macvlan has no lease that would end it.
    #expect(deeds(after: .seconds(1000)) == [.requests(removal)])
    #expect(packets().count == 1)
    bench.engine.remove("web")
    bench.pass(.seconds(2))
    #expect(requests().isEmpty && packets().isEmpty)
  }

  /// Lets the guard say what it has to say.
  private func attend() {
    bench.engine.turn(ready: [.safeguard])
    bench.settle()
  }

  @Test func `a Backup has nothing to be cleaned up`() throws {
    try bench.engine.add(settings())
    bench.pass(.seconds(3))
    #expect(bench.state() == .backup)
    #expect(deeds() == [])
  }

  @Test func `a takeover is covered before the first address is installed`() throws {
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/32"]))
    var due: [Set<IPAddress>] = []
    bench.platform.fake.failure = { [self] request in
      if case .install = request { due.append((try? removals()) ?? []) }
      return nil
    }
    bench.pass(.seconds(4))
    let both = [try address("198.18.0.100"), try address("198.18.0.101")] as Set
    #expect(due.first == both)
    #expect(packets().count == 1)
  }

  @Test func `an address that takes the place of another is covered, the other no longer`() throws {
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    bench.pass(.seconds(4))
    try bench.engine.change([settings(["198.18.0.100/24", "198.18.0.102/24"])])
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
    #expect(try Set(bench.held) == ["198.18.0.100/24", "198.18.0.102/24"])
    #expect(try removals() == [address("198.18.0.100"), address("198.18.0.102")])
    let packet = try #require(packets().first)
    let listed = [28, 32].map { packet.span.ipAddress(.ipv4, at: $0) }
    #expect(try listed == [address("198.18.0.100"), address("198.18.0.102")])
  }

  @Test func `the farewell is a whole packet that peers accept`() throws {
    try bench.engine.add(settings(["198.18.0.100/24", "2001:db8::100/64"]))
    bench.pass(.seconds(4))
    let v4 = try #require(packets().first { $0[0] >> 4 == 4 })
    #expect(v4[1] == 0xC0 && v4[8] == 255 && v4[9] == 112)
    #expect(v4.span.uint16(at: 2) == UInt16(v4.count))
    #expect(v4.span.ipAddress(.ipv4, at: 12) == FakePlatform.ownV4?.address)
    #expect(v4.span.ipAddress(.ipv4, at: 16) == .vrrpGroup(.ipv4))
    let v6 = try #require(packets().first { $0[0] >> 4 == 6 })
    #expect(v6[0] == 0x6C && v6[1] == 0 && v6[6] == 112 && v6[7] == 255)
    #expect(Int(v6.span.uint16(at: 4)) == v6.count - 40)
    #expect(v6.span.ipAddress(.ipv6, at: 8) == FakePlatform.ownV6?.address)
    #expect(v6.span.ipAddress(.ipv6, at: 24) == .vrrpGroup(.ipv6))
    for (packet, header, own) in [
      (v4, 20, FakePlatform.ownV4?.address), (v6, 40, FakePlatform.ownV6?.address),
    ] {
      let source = try #require(own)
      let message = Array(packet.dropFirst(header))
      let advertisement = try Advertisement(
        parsing: message.span, from: source, to: .vrrpGroup(source.family), hopLimit: 255)
      #expect(advertisement.priority == .farewell && advertisement.vrid.rawValue == 51)
      #expect(advertisement.addressCount == 1)
    }
  }

  @Test func `a router that yields says no farewell any more but has its addresses removed`() throws
  {
    let many = (1...200).map { "198.18.1.\($0)/32" }
    try bench.engine.add(settings(many))
    bench.pass(.seconds(5))
    #expect(try removals().count == 200)
    let source = try address("198.18.0.2")
    let better = Advertisement(
      vrid: try #require(VRID(exactly: 51)), priority: .owner, interval: .default,
      addressCount: 1, family: .ipv4, checksumForm: .pseudoHeader
    ).encoded([try address("198.18.1.1")], from: source, to: .vrrpGroup(.ipv4))
    bench.platform.transport(.ipv4)?.inbox.append(
      (
        PacketHeader(source: source, destination: .vrrpGroup(.ipv4), hopLimit: 255), better
      ))
    bench.engine.turn(ready: [.segment(SegmentKey(interfaceIndex: 2, family: .ipv4))])
    // They stay until the new holder has announced them, or for a while.
    #expect(try bench.held.count == 200)
    #expect(packets().count == 0)
    #expect(try removals().count == 200)
    // They linger until the new holder has announced them, or had the time to.
    bench.pass(.milliseconds(350))
    #expect(try bench.held.isEmpty)
    #expect(deeds().isEmpty)
  }

  @Test func `a router that is removed is forgotten, and its place is free for another`() throws {
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    #expect(deeds().count == 2)
    bench.engine.remove("web")
    bench.pass(.milliseconds(1))
    #expect(packets().isEmpty, "the farewell has been said")
    #expect(try removals() == [address("198.18.0.100")], "it lingers")
    bench.pass(.milliseconds(1200))
    #expect(deeds() == [])
    try bench.engine.add(settings(["198.18.0.77/24"], vrid: 7, name: "other"))
    bench.pass(.seconds(4))
    #expect(try removals() == [address("198.18.0.77")])
    #expect(packets().first?[21] == 7)
  }

  @Test func `an owner says farewell, its own addresses are never touched`() throws {
    try bench.engine.add(settings(["198.18.0.1/24"], priority: 255))
    bench.settle()
    #expect(bench.state() == .active)
    #expect(packets().count == 1)
    #expect(try removals().isEmpty)
  }

  @Test func `an address that the host has given itself meanwhile is left alone`() throws {
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    bench.pass(.seconds(4))
    #expect(try removals().count == 2)
    bench.platform.fake.add(
      AddressRecord(
        interfaceIndex: 2, address: try #require(InterfaceAddress("198.18.0.100/24")),
        flags: .permanent))
    bench.settle()
    #expect(try removals() == [address("198.18.0.101")])
  }

  @Test func `a lost link takes both duties away, its return brings them back`() throws {
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    bench.platform.fake.setFlags([.up, .broadcast, .multicast], onInterface: 2)
    bench.settle()
    #expect(deeds() == [])
    bench.platform.fake.setFlags(FakePlatform.eth0.flags, onInterface: 2)
    bench.pass(.seconds(5))
    #expect(deeds().count == 2)
  }

  @Test func `the farewell comes from the address that the advertisements come from`() throws {
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    let own = try #require(FakePlatform.ownV4)
    bench.platform.fake.add(
      AddressRecord(
        interfaceIndex: 2, address: try #require(InterfaceAddress("198.18.0.3/25")),
        flags: .permanent))
    bench.platform.fake.remove(own, onInterface: 2)
    bench.settle()
    let packet = try #require(packets().first)
    #expect(packet.span.ipAddress(.ipv4, at: 12) == IPAddress("198.18.0.3"))
  }

  @Test func `a node that was frozen before it died says nothing, and at last does nothing`() throws
  {
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    #expect(packets(after: .milliseconds(2000)).count == 1)
    #expect(packets(after: .milliseconds(3001)).isEmpty)
    #expect(try removals(after: .seconds(7)).count == 1)
    #expect(deeds(after: .seconds(11)) == [])
  }

  @Test func `a lease that is longer than usual makes the guard patient, too`() throws {
    try bench.engine.add(settings(interval: #require(AdvertisementInterval("10s"))))
    bench.pass(.seconds(40))
    // Twice the lease of four intervals and two seconds.
    #expect(try removals(after: .seconds(81)).count == 1)
    #expect(try removals(after: .seconds(83)).isEmpty)
  }

  @Test func `without leases addresses are removed however late it is`() throws {
    let bench = try Bench(lease: .off)
    let area = try GuardArea()
    bench.engine.protect(with: Safeguard(area, FakeGuard()))
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    let late = bench.platform.time + .seconds(100_000)
    #expect(area.deeds(at: late.nanoseconds).count == 1)
  }

  @Test func `addresses that come and go at a running router come and go with the guard`() throws {
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    bench.pass(.seconds(4))
    var due: [Set<IPAddress>] = []
    bench.platform.fake.failure = { [self] request in
      if case .install = request { due.append((try? removals()) ?? []) }
      return nil
    }
    try bench.engine.change([settings(["198.18.0.101/24", "198.18.0.102/24"])])
    let new = try address("198.18.0.102")
    #expect(due.first?.contains(new) == true, "covered before it is installed")
    bench.settle()
    #expect(try removals() == [address("198.18.0.101"), new])
    let packet = try #require(packets().first)
    #expect(packet.suffix(8) == [198, 18, 0, 101, 198, 18, 0, 102])
  }

  @Test func `a router that hands over has its addresses removed but says no second farewell`()
    throws
  {
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    bench.engine.remove("web")
    #expect(try bench.held == ["198.18.0.100/24"], "it serves until another one does")
    #expect(packets().count == 0)
    #expect(try removals() == [address("198.18.0.100")])
    bench.pass(.seconds(2))
    #expect(try bench.held.isEmpty)
    #expect(deeds() == [])
  }

  @Test func `a guard that comes later covers what is held already`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    let area = try GuardArea()
    bench.engine.protect(with: Safeguard(area, FakeGuard()))
    #expect(area.deeds(at: bench.platform.time.nanoseconds).count == 2)
  }

  // MARK: The process

  @Test func `a guard runs once it has said so`() throws {
    #expect(bench.engine.guardState == .starting)
    attend()
    #expect(bench.engine.guardState == .running && bench.engine.guardPid == 1001)
    #expect(try Bench().engine.guardState == .off)
  }

  @Test func `a guard that dies is replaced at once, and no address is touched`() throws {
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    attend()
    bench.platform.fake.forgetRequests()
    process.waiting = [.hasEnded]
    attend()
    #expect(process.starts == 2 && process.dismissals == 1)
    #expect(bench.engine.guardPid == 1002 && bench.engine.guardState == .starting)
    attend()
    #expect(bench.engine.guardState == .running)
    #expect(bench.platform.fake.requests.isEmpty)
    #expect(deeds().count == 2)
    #expect(
      bench.events.contains(
        .nodeWarning(
          NodeProblem(
            .guardProcess, "the guard process (pid 1001) has ended (signal 9); starting another"))))
  }

  @Test func `a guard that keeps dying is replaced five times a minute at most`() throws {
    for _ in 0..<10 {
      process.waiting = [.hasEnded]
      attend()
    }
    #expect(process.starts == 5)
    #expect(bench.engine.guardState == .down)
    let warnings = bench.events.count { if case .nodeWarning = $0 { true } else { false } }
    #expect((5...20).contains(warnings))
    bench.pass(.seconds(59))
    #expect(process.starts == 5)
    bench.pass(.seconds(2))
    #expect(process.starts == 6)
    attend()
    #expect(bench.engine.guardState == .running)
  }

  @Test func `a guard that can't be started is tried again`() throws {
    process.failure = NodeError(.system(errno: 11), "start a guard process: no more processes")
    process.waiting = [.failed(errno: 1)]
    attend()
    #expect(process.starts == 2 && bench.engine.guardState == .down)
    process.failure = nil
    bench.pass(.seconds(2))
    attend()
    #expect(process.starts == 3 && bench.engine.guardState == .running)
  }

  @Test func `a guard is dismissed in the end, or released by a node that is dropped`() throws {
    bench.engine.dismissGuard()
    #expect(process.dismissals == 1 && process.releases == 0)
    #expect(bench.engine.guardState == .off)
    bench.engine.releaseGuard()
    #expect(process.releases == 0)

    let other = try Bench()
    let released = FakeGuard()
    other.engine.protect(with: Safeguard(try GuardArea(), released))
    other.engine.releaseGuard()
    #expect(released.releases == 1 && released.dismissals == 0)
  }
}
