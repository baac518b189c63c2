import Netlink
import TestSupport
import Testing
import VIPCore
import VIPTesting

@testable import VIP

/// Random events on addresses of one router, against a kernel in memory: what the addresses say is
/// what the kernel has.
@Suite struct VirtualAddressFuzzTests {
  /// A router without an election: it turns events into requests and answers into events.
  private struct Router {
    let fake = FakeKernel(links: [FakePlatform.eth0])
    let family: AddressFamily
    /// The interface of the addresses is a macvlan, which can be off.
    let hasOwnInterface: Bool
    var index: Int32 = 2
    var isUp = true
    var isHolding = false
    var isRefusing = false
    var now = Instant(nanoseconds: 1_000_000_000)
    var addresses: VirtualAddresses
    let all: [InterfaceAddress]

    init(_ family: AddressFamily, hasOwnInterface: Bool) throws {
      self.family = family
      self.hasOwnInterface = hasOwnInterface
      // Host prefixes: no address of IPv4 depends on another one.
      all = try (1...6).map {
        try #require(
          InterfaceAddress(family == .ipv4 ? "198.18.1.\($0)/32" : "2001:db8::\($0)/128"))
      }
      addresses = VirtualAddresses(Array(all.prefix(4)))
      if hasOwnInterface { try create() }
    }

    mutating func create() throws {
      let mac = MACAddress.virtualRouter(try #require(VRID(exactly: 51)), family)
      _ = fake.change([.create(Macvlan(name: "vip", parentIndex: 2, macAddress: mac))])
      index = try #require(try fake.link(named: "vip")).index
      isUp = false
      fake.keepsIPv6AddressesOnDown = true
    }

    var circumstances: VirtualAddress.Circumstances {
      VirtualAddress.Circumstances(
        isHolding: isHolding, hasOwnInterface: hasOwnInterface, isReachable: isUp,
        isAttached: true, handover: Handover())
    }

    /// Does up to three of what is due, as the kernel answers.
    mutating func work(_ kind: AddressWork.Kind) {
      let due = addresses.due(for: kind, from: 0, atMost: 3, circumstances).positions
      guard !due.isEmpty else { return }
      let lifetime: Duration? = kind == .load ? nil : .seconds(3)
      let requests = due.map {
        AddressRequest(
          interfaceIndex: index, address: addresses[$0].address, lifetime: lifetime,
          isDormant: kind == .load)
      }
      fake.failure =
        isRefusing ? { _ in NetlinkError(operation: "request", code: 105) } : nil
      defer { fake.failure = nil }
      let isRemoval = kind == .remove || kind == .retire
      let results = isRemoval ? fake.remove(requests) : fake.install(requests)
      for (position, error) in zip(due, results) {
        if let error {
          _ = addresses.refused(position, error.description, retryAt: now + .seconds(1))
        } else if isRemoval {
          addresses.removed(position)
          addresses.expectRemoval(position)
        } else {
          _ = addresses.installed(position, kind == .load ? .asleep : .refreshed(at: now))
        }
      }
      if kind == .retire { _ = addresses.dropRetired() }
    }

    mutating func setUp(_ isOn: Bool) {
      guard hasOwnInterface, isOn != isUp else { return }
      _ = fake.change([.setUp(isOn, index: index)])
      isUp = isOn
      if isOn { addresses.interfaceCameUp() } else { addresses.interfaceWentDown() }
    }

    mutating func hear() {
      var isOverflown = false
      try? fake.drainEvents(limit: 1000) { event in
        switch event {
        case .addressRemoved(let record) where record.isOurs:
          guard let position = addresses.position(of: record.address) else { return }
          _ = addresses.reportedGone(position, at: now, circumstances)
        case .overflow: isOverflown = true
        default: break
        }
      }
      guard isOverflown else { return }
      addresses.eventsWereLost()
      let present = Set(((try? fake.addresses()) ?? []).filter(\.isOurs).map(\.address))
      for position in addresses.indices where !present.contains(addresses[position].address) {
        _ = addresses.reportedGone(position, at: now, circumstances)
      }
    }

    mutating func pass(_ duration: Duration) {
      fake.advance(by: duration)
      now = now + duration
      _ = addresses.takeRetries(by: now)
    }
  }

  private func step(_ router: inout Router, _ random: inout SplitMix64) throws {
    let fake = router.fake
    switch Int.random(in: 0..<17, using: &random) {
    // An interface of its own is switched on first.
    case 0: if router.isUp { router.work(.install) }
    case 1: router.work(.refresh)
    case 2: router.work(.remove)
    case 3: router.work(.retire)
    case 4: router.work(.load)
    case 5: router.isHolding.toggle()
    case 6: router.setUp(!router.isUp)
    case 7: router.isRefusing = Int.random(in: 0..<4, using: &random) == 0
    case 8: router.pass(.milliseconds(Int64.random(in: 0..<1500, using: &random)))
    case 9, 10:
      // Another program removes an address.
      guard let victim = router.all.randomElement(using: &random) else { return }
      fake.remove(victim, onInterface: router.index)
    case 11: fake.overflow()
    case 12:
      let kept = Set(router.all.filter { _ in Bool.random(using: &random) })
      _ = router.addresses.retire(keeping: kept)
    case 13:
      let present = Set(router.addresses.current.map(\.address))
      let wanted = router.all.filter { present.contains($0) || Bool.random(using: &random) }
      _ = router.addresses.arrange(wanted.shuffled(using: &random)) { _ in .absent }
    case 14:
      router.addresses.letGo()
      router.isHolding = false
    case 15 where router.hasOwnInterface:
      fake.removeLink(index: router.index)
      router.hear()
      router.addresses.interfaceVanished()
      router.addresses.dropAllRetired()
      try router.create()
    default: router.hear()
    }
  }

  /// Compares what the addresses say with the kernel.
  private func check(_ router: Router, _ place: String) throws {
    let records = try router.fake.addresses().filter(\.isOurs)
    let present = Dictionary(uniqueKeysWithValues: records.map { ($0.address, $0) })
    var known: Set<InterfaceAddress> = []
    for address in router.addresses {
      known.insert(address.address)
      let record = present[address.address]
      #expect(address.isInstalled == (record != nil), "\(address.address) \(place)")
      guard case .here(let lease) = address.place, let record else { continue }
      let isLocal = router.fake.isLocal(address.address.address)
      switch lease {
      case .asleep: #expect(record.validLifetime == nil && !isLocal, "\(address) \(place)")
      case .endless: #expect(record.validLifetime == nil && isLocal, "\(address) \(place)")
      case .refreshed: #expect(record.validLifetime != nil && isLocal, "\(address) \(place)")
      }
    }
    #expect(known.isSuperset(of: present.keys), "nothing is forgotten \(place)")
    #expect(router.addresses.installedCount == router.addresses.count(where: \.isInstalled))
    let next = router.addresses.compactMap(\.retryAt).min()
    #expect(next == nil || (router.addresses.deadline ?? .zero) <= next ?? .zero, "\(place)")
  }

  @Test(arguments: AddressFamily.allCases, [false, true])
  func `what they say is what the kernel has`(
    family: AddressFamily, hasOwnInterface: Bool
  ) throws {
    for seed in 0..<400 {
      var random = SplitMix64(seed: UInt64(seed))
      var router = try Router(family, hasOwnInterface: hasOwnInterface)
      for number in 0..<60 {
        try step(&router, &random)
        router.hear()
        try check(router, "after step \(number) of seed \(seed)")
      }
    }
  }
}
