import Glibc
import Testing
import VIPCore
import VIPTesting

@testable import Netlink

@Suite("Fake kernel")
struct FakeKernelTests {
  private let kernel = FakeKernel(links: [
    Link(index: 3, name: "eth1", flags: []), Link(index: 2, name: "eth0"),
  ])

  private func request(
    _ address: String, on index: Int32 = 2, lifetime: Duration? = nil
  ) throws -> AddressRequest {
    AddressRequest(
      interfaceIndex: index, address: try interfaceAddress(address), lifetime: lifetime)
  }

  private func installed() throws -> [String] {
    try kernel.addresses().map { "\($0.address) on \($0.interfaceIndex)" }
  }

  /// Whether the descriptor polls as readable.
  private var isReadable: Bool {
    var poll = pollfd(fd: kernel.monitorDescriptor, events: Int16(POLLIN), revents: 0)
    return Glibc.poll(&poll, 1, 0) == 1
  }

  @Test("links are listed by index; a usable one is up and running")
  func links() throws {
    let links = try kernel.links()
    #expect(links.map(\.index) == [2, 3])
    #expect(links.map(\.isUsable) == [true, false])
    #expect(!Link(index: 4, name: "eth2", flags: [.up, .lowerUp]).isUsable)
  }

  @Test("each request has its own result, and all are recorded")
  func results() throws {
    let requests = [
      try request("192.0.2.1/24"), try request("192.0.2.2/24", on: 9),
      try request("2001:db8::1/64"), try request("2001:db8::2/64", on: 9),
      try request("192.0.2.3/24", lifetime: .zero),
    ]
    let results = kernel.install(requests)
    #expect(
      results.map { $0?.description } == [
        nil, "cannot add 192.0.2.2/24 to interface 9: ipv4: Device not found (ENODEV)",
        nil,
        "cannot add 2001:db8::2/64 to interface 9: ipv6: Unable to find the interface (ENODEV)",
        "cannot add 192.0.2.3/24 to interface 2: ipv4: address lifetime invalid (EINVAL)",
      ])
    #expect(kernel.requests == requests.map { .install($0) })
    #expect(try installed() == ["192.0.2.1/24 on 2", "2001:db8::1/64 on 2"])
    kernel.forgetRequests()
    #expect(kernel.requests.isEmpty)
  }

  @Test("what an installed address looks like")
  func record() throws {
    _ = kernel.install([
      try request("192.0.2.1/24"), try request("2001:db8::1/64", lifetime: .milliseconds(2_500)),
    ])
    let expected = [
      AddressRecord(
        interfaceIndex: 2, address: try interfaceAddress("192.0.2.1/24"), flags: .permanent,
        protocolTag: 112, label: "eth0"),
      AddressRecord(
        interfaceIndex: 2, address: try interfaceAddress("2001:db8::1/64"),
        flags: [.noDAD, .noPrefixRoute, .deprecated], protocolTag: 112,
        validLifetime: .seconds(3), preferredLifetime: .zero),
    ]
    #expect(try kernel.addresses() == expected)
    #expect(try drained(kernel) == expected.map { .address($0) })
  }

  @Test("IPv4 tells addresses apart by prefix length too, IPv6 does not")
  func identity() throws {
    for text in ["192.0.2.1/24", "192.0.2.1/32", "2001:db8::1/64", "2001:db8::1/128"] {
      #expect(kernel.install([try request(text)]) == [nil])
    }
    #expect(
      try installed() == ["192.0.2.1/24 on 2", "192.0.2.1/32 on 2", "2001:db8::1/64 on 2"])
    // The prefix length the address was asked for last is not the one it has.
    #expect(kernel.remove([try request("2001:db8::1/128")]) == [nil])
    #expect(try installed().last == "2001:db8::1/64 on 2")
    let existing = [try request("2001:db8::1/64"), try request("192.0.2.1/24")]
    #expect(kernel.remove(existing) == [nil, nil])
    #expect(try installed() == ["192.0.2.1/32 on 2"])
  }

  @Test("a lifetime ends unless it is refreshed, and that is reported")
  func lifetimes() throws {
    let lease = try request("192.0.2.1/32", lifetime: .seconds(3))
    _ = kernel.install([lease])
    kernel.advance(by: .seconds(2))
    #expect(try kernel.addresses().map(\.validLifetime) == [.seconds(1)])
    _ = kernel.install([lease])
    kernel.advance(by: .milliseconds(2_900))
    #expect(try kernel.addresses().map(\.validLifetime) == [.seconds(1)])
    _ = try drained(kernel)
    kernel.advance(by: .milliseconds(100))
    #expect(try kernel.addresses().isEmpty)
    guard case .addressRemoved(let record)? = try drained(kernel).first else {
      Issue.record("not reported")
      return
    }
    #expect(record.address == lease.address)
    #expect(kernel.now == .seconds(5))
  }

  @Test("a refresh without lifetime makes the address permanent")
  func permanent() throws {
    _ = kernel.install([try request("192.0.2.1/32", lifetime: .seconds(1))])
    _ = kernel.install([try request("192.0.2.1/32")])
    kernel.advance(by: .seconds(10))
    #expect(try kernel.addresses().map(\.flags) == [.permanent])
  }

  @Test("a preferred lifetime that ends deprecates the address")
  func deprecation() throws {
    kernel.add(
      AddressRecord(
        interfaceIndex: 2, address: try interfaceAddress("2001:db8::1/64"), flags: [],
        validLifetime: .seconds(5), preferredLifetime: .seconds(2)))
    kernel.advance(by: .seconds(2))
    #expect(try kernel.addresses().map(\.flags) == [.deprecated])
    #expect(try drained(kernel).count == 2)
    kernel.advance(by: .seconds(3))
    #expect(try kernel.addresses().isEmpty)
  }

  @Test("the first address of a subnet takes the others along, or hands over")
  func secondaries() throws {
    let requests = [
      try request("192.0.2.1/24"), try request("192.0.2.2/24"), try request("192.0.2.3/24"),
    ]
    _ = kernel.install(requests)
    #expect(try kernel.addresses().map { $0.flags.contains(.secondary) } == [false, true, true])
    kernel.promotesSecondaries = true
    _ = kernel.remove([requests[0]])
    #expect(try kernel.addresses().map { $0.flags.contains(.secondary) } == [false, true])
    kernel.promotesSecondaries = false
    _ = try drained(kernel)
    _ = kernel.remove([requests[1]])
    #expect(try kernel.addresses().isEmpty)
    #expect(try drained(kernel).count == 2)
  }

  @Test("switching a link off removes its IPv6 addresses")
  func linkDown() throws {
    let requests = [
      try request("192.0.2.1/24"), try request("2001:db8::1/64"),
      try request("2001:db8::2/64", lifetime: .seconds(3)),
      try request("2001:db8::3/64", on: 3),
    ]
    #expect(kernel.install(requests) == [nil, nil, nil, nil])
    kernel.keepsIPv6AddressesOnDown = true
    kernel.setFlags([], onInterface: 2)
    // An address with a lease goes even then.
    #expect(
      try installed() == ["192.0.2.1/24 on 2", "2001:db8::1/64 on 2", "2001:db8::3/64 on 3"])
    kernel.setFlags([.up], onInterface: 2)
    kernel.keepsIPv6AddressesOnDown = false
    _ = try drained(kernel)
    kernel.setFlags([], onInterface: 2)
    #expect(try installed() == ["192.0.2.1/24 on 2", "2001:db8::3/64 on 3"])
    #expect(try drained(kernel).count == 2)
  }

  @Test("an interface goes with all its addresses")
  func linkRemoved() throws {
    _ = kernel.install([try request("192.0.2.1/24"), try request("192.0.2.1/24", on: 3)])
    _ = try drained(kernel)
    kernel.removeLink(index: 2)
    let events = try drained(kernel)
    #expect(events.count == 2)
    #expect(events.last == .linkRemoved(index: 2, name: "eth0"))
    #expect(try installed() == ["192.0.2.1/24 on 3"])
    #expect(kernel.remove([try request("192.0.2.1/24")]) == [nil])
  }

  @Test("IPv6 switched off refuses addresses")
  func withoutIPv6() throws {
    _ = kernel.install([try request("2001:db8::1/64")])
    kernel.setIPv6(enabled: false, onInterface: 2)
    #expect(try kernel.addresses().isEmpty)
    let result = kernel.install([try request("2001:db8::1/64")])[0]
    #expect(result?.isNotPermitted == true)
    kernel.setIPv6(enabled: true, onInterface: 2)
    #expect(kernel.install([try request("2001:db8::1/64")]) == [nil])
  }

  @Test("failures on demand")
  func failures() throws {
    let refused = NetlinkError(operation: "try", code: EPERM)
    kernel.failure = { request in
      switch request {
      case .listLinks: refused
      case .install(let request) where request.interfaceIndex == 3: refused
      default: nil
      }
    }
    #expect(throws: refused) { try kernel.links() }
    #expect(
      kernel.install([try request("192.0.2.1/24", on: 3), try request("192.0.2.1/24")])
        == [refused, nil])
    #expect(try installed() == ["192.0.2.1/24 on 2"])
    #expect(kernel.requests.count == 4)
  }

  @Test("the descriptor is readable while events wait, and the limit holds")
  func descriptor() throws {
    #expect(!isReadable)
    _ = kernel.install([try request("192.0.2.1/32"), try request("192.0.2.2/32")])
    #expect(isReadable)
    var count = 0
    try kernel.drainEvents(limit: 1) { _ in count += 1 }
    #expect(count == 1)
    #expect(isReadable)
    try kernel.drainEvents(limit: 5) { _ in count += 1 }
    #expect(count == 2)
    #expect(!isReadable)
  }

  @Test("lost events are told before those that had room")
  func overflow() throws {
    kernel.eventCapacity = 1
    _ = kernel.install([try request("192.0.2.1/32"), try request("192.0.2.2/32")])
    let events = try drained(kernel)
    #expect(events.count == 2)
    #expect(events.first == .overflow)
    _ = kernel.install([try request("192.0.2.3/32")])
    kernel.overflow()
    #expect(isReadable)
    #expect(try drained(kernel) == [.overflow])
    #expect(!isReadable)
  }

  @Test("a handler may change addresses")
  func reentrance() throws {
    _ = kernel.install([try request("192.0.2.1/32")])
    let other = try request("192.0.2.2/32")
    try kernel.drainEvents(limit: 10) { _ in _ = kernel.install([other]) }
    #expect(isReadable)
    #expect(try drained(kernel).count == 1)
  }
}

@Suite("Netlink errors")
struct NetlinkErrorTests {
  @Test("say what was asked, why it failed, and the number's name")
  func text() {
    let error = NetlinkError(operation: "list the links", code: EPERM)
    #expect(error.description == "cannot list the links: operation not permitted (EPERM)")
    #expect(NetlinkError(operation: "try", code: 4_711).description.hasSuffix("(errno 4711)"))
  }

  @Test("fall into classes")
  func classes() {
    func error(_ code: Int32) -> NetlinkError { NetlinkError(operation: "try", code: code) }
    #expect(
      [EADDRNOTAVAIL, ENODEV, ENXIO, EEXIST].map { error($0).isNotThere }
        == [true, true, true, false])
    #expect([EPERM, EACCES, EINVAL].map { error($0).isNotPermitted } == [true, true, false])
  }
}
