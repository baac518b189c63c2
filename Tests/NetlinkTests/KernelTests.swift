import Glibc
import Synchronization
import Testing
import VIPCore

@testable import Netlink

/// Against the running kernel, each test in a network namespace of its own.
@Suite("Linux kernel", .enabled(if: canMakeNamespaces, "needs root to make network namespaces"))
struct KernelTests {
  private func request(
    _ address: String, on index: Int32, lifetime: Duration? = nil
  ) throws -> AddressRequest {
    AddressRequest(
      interfaceIndex: index, address: try interfaceAddress(address), lifetime: lifetime)
  }

  /// A number of host addresses.
  private func many(_ count: Int, on index: Int32, lifetime: Duration? = nil) -> [AddressRequest] {
    (0..<UInt32(count)).map { number in
      AddressRequest(
        interfaceIndex: index,
        address: InterfaceAddress(host: .v4(IPv4Address(rawValue: 0xC612_0000 + number))),
        lifetime: lifetime)
    }
  }

  @Test("links are described")
  func links() throws {
    try TestNamespace.run { namespace in
      try namespace.ip("link add bridge0 type bridge")
      try namespace.ip("link set right master bridge0")
      try namespace.ip("link add link left mac0 address 00:00:5e:00:01:33 type macvlan")
      let kernel = try NetlinkKernel()
      let links = try kernel.links()
      func link(_ name: String) throws -> Link {
        try #require(links.first { $0.name == name })
      }
      #expect(Set(links.map(\.name)) == ["lo", "left", "right", "bridge0", "mac0"])
      let left = try link("left")
      let right = try link("right")
      #expect(left.index == (try namespace.index("left")))
      #expect(left.kind == "veth" && left.isUsable && left.isMulticast)
      #expect(left.mtu == 1500 && left.macAddress != nil && left.macAddress != right.macAddress)
      #expect(left.parentIndex == right.index && left.masterIndex == nil)
      #expect(right.masterIndex == (try link("bridge0").index))
      let macvlan = try link("mac0")
      #expect(macvlan.kind == "macvlan" && macvlan.parentIndex == left.index)
      #expect(macvlan.macAddress == MACAddress("00:00:5e:00:01:33") && !macvlan.isUp)
      let loopback = try link("lo")
      #expect(loopback.isLoopback && !loopback.isUsable && loopback.kind == nil)
    }
  }

  @Test("an IPv6 address is the machine's own before it is announced")
  func awaitUse() throws {
    try TestNamespace.run { namespace in
      let index = try namespace.index()
      let kernel = try NetlinkKernel()
      var count = 0
      for number in 1...50 {
        let request = try request("2001:db8::\(number)/128", on: index, lifetime: .seconds(60))
        #expect(kernel.install([request]) == [nil])
        kernel.awaitUse(of: [request.address.address], atMost: .milliseconds(50))
        if try kernel.route(to: request.address.address)?.isLocal == true { count += 1 }
      }
      // Without the wait it is none or one of them; on a busy machine the wait may end too early.
      #expect(count > 25, "\(count) of 50")
    }
  }

  @Test("addresses that never come are waited for once")
  func awaitUseOfNone() throws {
    try TestNamespace.run { _ in
      let kernel = try NetlinkKernel()
      let address = try interfaceAddress("2001:db8::1/128").address
      kernel.awaitUse(of: [address], atMost: .milliseconds(5))
      let before = try #require(kernel.noWaitBefore)
      // Many slices of a takeover: a wait for each would be minutes.
      kernel.noWaitBefore = before + .seconds(600)
      for _ in 0..<1000 { kernel.awaitUse(of: [address], atMost: .seconds(600)) }
      #expect(kernel.noWaitBefore == before + .seconds(600), "none of them has waited")
    }
  }

  @Test("an address is installed with tag, flags and lifetimes")
  func install() throws {
    try TestNamespace.run { namespace in
      let index = try namespace.index()
      let kernel = try NetlinkKernel()
      var broadcast = try request("192.0.2.1/24", on: index)
      broadcast.broadcast = IPv4Address(192, 0, 2, 255)
      let requests = [
        broadcast, try request("192.0.2.2/32", on: index, lifetime: .milliseconds(29_500)),
        try request("2001:db8::1/64", on: index),
        try request("2001:db8::2/64", on: index, lifetime: .seconds(30)),
      ]
      #expect(kernel.install(requests) == [nil, nil, nil, nil])

      let records = try kernel.addresses().filter { $0.interfaceIndex == index }
      #expect(records.map(\.address) == requests.map(\.address).sortedLikeKernel(records))
      #expect(records.allSatisfy { $0.isOurs && $0.peer == nil })
      for record in records {
        switch record.address.description {
        case "192.0.2.1/24":
          #expect(record.flags == .permanent && record.label == "left")
          #expect(record.validLifetime == nil && record.preferredLifetime == nil)
        case "192.0.2.2/32":
          #expect(record.flags == [])
          #expect((.seconds(28) ... .seconds(30)).contains(try #require(record.validLifetime)))
          #expect(record.preferredLifetime == record.validLifetime)
        case "2001:db8::1/64":
          #expect(record.flags == [.permanent, .noDAD, .noPrefixRoute, .deprecated])
          #expect(record.validLifetime == nil && record.preferredLifetime == .zero)
        default:
          #expect(record.flags == [.noDAD, .noPrefixRoute, .deprecated])
          #expect((.seconds(28) ... .seconds(30)).contains(try #require(record.validLifetime)))
          #expect(record.preferredLifetime == .zero)
        }
      }
      // The same seen by another program.
      let listing = try namespace.ip("-d addr show dev left")
      #expect(listing.contains("inet 192.0.2.1/24 brd 192.0.2.255 scope global left"))
      #expect(
        listing.contains("inet6 2001:db8::2/64 scope global nodad deprecated dynamic noprefix"))
      #expect(listing.contains("preferred_lft 0sec"))
      #expect(try namespace.ip("-6 route show dev left 2001:db8::/64").isEmpty)
    }
  }

  @Test("in a batch of a thousand, one that fails in the middle affects no other")
  func batch() throws {
    try TestNamespace.run { namespace in
      let index = try namespace.index()
      let kernel = try NetlinkKernel()
      var requests = many(1_000, on: index)
      requests[500].interfaceIndex = 4_711
      let results = kernel.install(requests)
      #expect(results.count == 1_000)
      #expect(results.indices.filter { results[$0] != nil } == [500])
      let error = try #require(results[500])
      #expect(error.isNotThere)
      #expect(error.message == "ipv4: Device not found")
      #expect(error.operation == "add 198.18.1.244/32 to interface 4711")

      let installed = try kernel.addresses(.ipv4, onInterface: index)
      #expect(Set(installed.map(\.address)).count == 999)
      // Removal is idempotent: number 500 is not there, and the second time nothing is.
      #expect(kernel.remove(requests).allSatisfy { $0 == nil })
      #expect(kernel.remove(requests).allSatisfy { $0 == nil })
      #expect(try kernel.addresses().isEmpty)
      #expect(kernel.install([]).isEmpty)
    }
  }

  @Test("removal respects the prefix length")
  func removal() throws {
    try TestNamespace.run { namespace in
      let index = try namespace.index()
      let kernel = try NetlinkKernel()
      let requests = [
        try request("192.0.2.1/32", on: index), try request("192.0.2.1/24", on: index),
        try request("2001:db8::1/64", on: index),
      ]
      _ = kernel.install(requests)
      #expect(
        kernel.remove([requests[1], try request("2001:db8::1/128", on: index)]) == [nil, nil])
      #expect(
        Set(try kernel.addresses().map(\.address)) == [requests[0].address, requests[2].address])
    }
  }

  @Test("refreshing restarts the timer; without it the kernel removes the address")
  func lease() throws {
    try TestNamespace.run { namespace in
      let index = try namespace.index()
      let kernel = try NetlinkKernel()
      let requests = [
        try request("192.0.2.1/32", on: index, lifetime: .seconds(2)),
        try request("2001:db8::1/128", on: index, lifetime: .seconds(2)),
      ]
      let clock = ContinuousClock()
      // Refreshed past the latest moment at which the first lifetime can end, 2 s + 1 s.
      var start = clock.now
      while clock.now - start < .milliseconds(3_400) {
        let refreshed = clock.now
        #expect(kernel.install(requests) == [nil, nil])
        usleep(500_000)
        let count = try kernel.addresses().count
        // Unless the machine kept this thread waiting for longer than the lifetime.
        if clock.now - refreshed < .seconds(2) { #expect(count == 2) } else { start = clock.now }
      }
      _ = try drained(kernel)
      let last = clock.now
      #expect(kernel.install(requests) == [nil, nil])
      var gone: Set<InterfaceAddress> = []
      _ = try events(of: kernel, seconds: 300) { event in
        if case .addressRemoved(let record) = event { gone.insert(record.address) }
        return gone.count == 2
      }
      #expect(gone == Set(requests.map(\.address)))
      #expect(clock.now - last > .milliseconds(1_900))
      #expect(try kernel.addresses().isEmpty)
    }
  }

  @Test("changes by others are reported")
  func foreignChanges() throws {
    try TestNamespace.run { namespace in
      let index = try namespace.index()
      let kernel = try NetlinkKernel()
      #expect(try drained(kernel).isEmpty)
      try namespace.ip(
        "addr add 192.0.2.9/24 dev left label left:vip valid_lft 60 preferred_lft 50")
      try namespace.ip("addr del 192.0.2.9/24 dev left")
      try namespace.ip("link set left down")
      try namespace.ip("link set left name other")
      try namespace.ip("link set other up")
      try namespace.ip("link del other")
      let all = try events(of: kernel, seconds: 300) { event in
        event == .linkRemoved(index: index, name: "other")
      }
      let record = AddressRecord(
        interfaceIndex: index, address: try interfaceAddress("192.0.2.9/24"), flags: [],
        validLifetime: .seconds(60), preferredLifetime: .seconds(50), label: "left:vip")
      #expect(
        all.filter(\.isAboutAddress).prefix(2) == [.address(record), .addressRemoved(record)])
      let states = all.compactMap { event -> Link? in
        guard case .link(let link) = event, link.index == index else { return nil }
        return link
      }
      #expect(states.contains { !$0.isUp && $0.name == "left" })
      #expect(states.contains { !$0.isUp && $0.name == "other" })
      #expect(states.last?.isUsable == false)
      #expect(all.contains(.linkRemoved(index: index, name: "other")))
    }
  }

  @Test("a port that leaves its bridge is still there")
  func bridgePort() throws {
    try TestNamespace.run { namespace in
      let index = try namespace.index()
      try namespace.ip("link add bridge0 type bridge")
      let kernel = try NetlinkKernel()
      try namespace.ip("link set left master bridge0")
      try namespace.ip("link set left nomaster")
      try namespace.ip("addr add 192.0.2.1/32 dev left")
      let all = try events(of: kernel, seconds: 300) { event in
        if case .address = event { true } else { false }
      }
      #expect(!all.contains(.linkRemoved(index: index, name: "left")))
      #expect(
        all.contains { event in
          if case .link(let link) = event { link.masterIndex != nil } else { false }
        })
    }
  }

  @Test("lost reports are told, and a new reading is right")
  func overflow() throws {
    try TestNamespace.run { namespace in
      let index = try namespace.index()
      let kernel = try NetlinkKernel(monitorBufferByteCount: 8 << 10)
      let requests = many(500, on: index)
      #expect(kernel.install(requests).allSatisfy { $0 == nil })
      #expect(kernel.remove(Array(requests[..<100])).allSatisfy { $0 == nil })
      let events = try drained(kernel)
      #expect(events.first == .overflow)
      #expect(events.count < 500)
      #expect(
        Set(try kernel.addresses().map(\.address)) == Set(requests[100...].map(\.address)))
      // Afterwards reports arrive again.
      #expect(kernel.remove([requests[200]]) == [nil])
      #expect(try drained(kernel).count(where: \.isAboutAddress) == 1)
    }
  }

  @Test("the queue holds the reports of five thousand changes by default")
  func bigQueue() throws {
    try TestNamespace.run { namespace in
      let kernel = try NetlinkKernel()
      let requests = many(5_000, on: try namespace.index())
      #expect(kernel.install(requests).allSatisfy { $0 == nil })
      // A long list in many parts.
      #expect(Set(try kernel.addresses().map(\.address)) == Set(requests.map(\.address)))
      let events = try drained(kernel)
      #expect(events.count(where: \.isAboutAddress) == 5_000)
      #expect(!events.contains(.overflow))
    }
  }

  @Test("a bounded number of reports is read at a time")
  func limit() throws {
    try TestNamespace.run { namespace in
      let kernel = try NetlinkKernel()
      _ = kernel.install(many(10, on: try namespace.index()))
      var addressCount = 0
      for limit in [0, 4, 4, 4, 4] {
        var count = 0
        try kernel.drainEvents(limit: limit) { event in
          count += 1
          if event.isAboutAddress { addressCount += 1 }
        }
        #expect(count <= limit)
      }
      #expect(addressCount == 10)
    }
  }

  @Test("an error at the end of a list is thrown")
  func dumpError() throws {
    try TestNamespace.run { namespace in
      let kernel = try NetlinkKernel()
      let error = #expect(throws: NetlinkError.self) {
        try kernel.addresses(.ipv4, onInterface: 4_711)
      }
      #expect(error?.code == ENODEV)
      #expect(try kernel.addresses(.ipv6, onInterface: namespace.index()).isEmpty)
    }
  }

  @Test("what is left of a list that was never read to its end does not disturb the next")
  func staleReplies() throws {
    try TestNamespace.run { namespace in
      let kernel = try NetlinkKernel()
      let requests = many(1_000, on: try namespace.index())
      #expect(kernel.install(requests).allSatisfy { $0 == nil })
      let question = encoded {
        AddressMessage.encodeDump(
          family: FamilyNumber.ipv4, interfaceIndex: 0, into: &$0, sequence: 4_711)
      }
      #expect(kernel.commands.send(question) == 0)
      kernel.hasStaleReplies = true
      // The kernel refuses a list while another one is unfinished.
      #expect(Set(try kernel.addresses().map(\.address)) == Set(requests.map(\.address)))
      #expect(!kernel.hasStaleReplies)
    }
  }

  @Test("IPv6 switched off on an interface")
  func withoutIPv6() throws {
    try TestNamespace.run { namespace in
      try namespace.set("ipv6/conf/left/disable_ipv6", "1")
      let kernel = try NetlinkKernel()
      let address = try request("2001:db8::1/64", on: try namespace.index())
      let error = try #require(kernel.install([address])[0])
      #expect(error.isNotPermitted)
      #expect(error.message == "ipv6: IPv6 is disabled on this device")
      #expect(kernel.remove([address]) == [nil])
    }
  }

  @Test("a list read while addresses come and go is complete")
  func consistency() throws {
    try TestNamespace.run { namespace in
      let index = try namespace.index()
      let kernel = try NetlinkKernel()
      let stable = (1...1_500).map { number in
        AddressRequest(
          interfaceIndex: index,
          address: InterfaceAddress(
            host: .v6(IPv6Address(high: 0x2001_0DB8 << 32, low: UInt64(number)))))
      }
      #expect(kernel.install(stable).allSatisfy { $0 == nil })
      // IPv6 puts a new address before all others, so the ones that follow move between the parts.
      let restless = try request("2001:db8:1::1/128", on: index)
      let isStopped = Atomic(false)
      nonisolated(unsafe) let other = try NetlinkKernel()
      try withThread {
        while !isStopped.load(ordering: .relaxed) {
          _ = other.install([restless])
          _ = other.remove([restless])
          usleep(1_000)
        }
      } while: {
        defer { isStopped.store(true, ordering: .relaxed) }
        let expected = Set(stable.map(\.address))
        var complete = 0
        for _ in 0..<200 {
          do throws(NetlinkError) {
            let list = try kernel.addresses().map(\.address).filter { $0 != restless.address }
            #expect(list.count == expected.count)
            #expect(Set(list) == expected)
            complete += 1
          } catch {
            #expect(error.code == EAGAIN)
          }
        }
        #expect(complete > 0)
      }
    }
  }

  @Test("the sockets stay in the namespace they were opened in")
  func namespace() throws {
    var kernel: NetlinkKernel?
    var index: Int32 = 0
    try TestNamespace.run { namespace in
      kernel = try NetlinkKernel()
      index = try namespace.index()
    }
    let inside = try #require(kernel)
    #expect(try inside.links().contains { $0.name == "left" && $0.index == index })
    #expect(inside.install([try request("192.0.2.1/32", on: index)]) == [nil])
  }
}

extension [InterfaceAddress] {
  /// The same addresses in the order of a list that has them all.
  fileprivate func sortedLikeKernel(_ records: [AddressRecord]) -> [InterfaceAddress] {
    records.map(\.address).filter(contains)
  }
}

/// Runs work on another thread while a body runs on this one, and waits for both.
private func withThread(
  _ work: @escaping @Sendable () -> Void, while body: () throws -> Void
) throws {
  final class Box: Sendable {
    let work: @Sendable () -> Void
    init(_ work: @escaping @Sendable () -> Void) { self.work = work }
  }
  var thread = pthread_t()
  let argument = Unmanaged.passRetained(Box(work)).toOpaque()
  let code = pthread_create(
    &thread, nil,
    { argument in
      guard let argument else { return nil }
      Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().work()
      return nil
    }, argument)
  guard code == 0 else { throw NamespaceFailure(description: "pthread_create: \(code)") }
  defer { pthread_join(thread, nil) }
  try body()
}

extension KernelEvent {
  /// Whether it tells of an address: a new namespace's links settle in their own time.
  fileprivate var isAboutAddress: Bool {
    switch self {
    case .address, .addressRemoved: true
    case .link, .linkRemoved, .settings, .overflow: false
    }
  }
}
