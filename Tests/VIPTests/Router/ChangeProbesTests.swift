import ARP
import Testing
import VIPCore

@testable import VIP

/// The probings for the new addresses of running routers, by themselves.
@Suite struct ChangeProbesTests {
  private static let stranger = MACAddress(2, 0, 0, 0, 0, 9)

  private func at(_ milliseconds: Int) -> Instant { Instant.zero + .milliseconds(milliseconds) }

  private func address(_ last: Int) throws -> IPAddress {
    try #require(IPAddress("198.18.0.\(last)"))
  }

  private func probe(
    _ address: IPAddress, _ router: String = "a", onInterface index: Int32 = 2
  ) -> ChangeProbe {
    ChangeProbe(
      router: router, interfaceIndex: index, addresses: [address], members: [],
      groupMAC: MACAddress(0, 0, 0x5E, 0, 1, 51), listsAreFull: false, interval: .seconds(1),
      patience: .seconds(5), at: at(0))
  }

  @Test func `each has its addresses, on its interface`() throws {
    var probes = ChangeProbes()
    let first = probes.begin(probe(try address(1)))
    let second = probes.begin(probe(try address(2), "b", onInterface: 3))
    #expect(first != second && !probes.isEmpty)
    #expect(try probes.addresses(onInterface: 2) == [address(1)])
    #expect(probes.interfaceWaitedFor(first) == 2 && probes.interfaceWaitedFor(second) == 3)
    let due = probes.takeDue(by: at(0)) { _ in true }
    #expect(due.map(\.interfaceIndex) == [2, 3])
  }

  @Test func `an interface that is gone is not waited for`() throws {
    var probes = ChangeProbes()
    _ = probes.begin(probe(try address(1)))
    let due = probes.takeDue(by: at(0)) { _ in false }
    #expect(due.isEmpty && probes.deadline { _ in false } == nil)
    #expect(probes.deadline { _ in true } == at(0))
  }

  @Test func `an answer on the interface names the machine, another one does not`() throws {
    var probes = ChangeProbes()
    let claim = AddressClaim(address: try address(1), mac: Self.stranger, form: .reply)
    let first = try address(1)
    let identifiers = [probes.begin(probe(first)), probes.begin(probe(first))]
    func passAll() {
      while let deadline = probes.deadline(where: { _ in true }) {
        _ = probes.takeDue(by: deadline) { _ in true }
      }
    }
    probes.heard(claim, onInterface: 3)
    let end = probes.end(identifiers[0])
    let free = try #require(end)
    #expect(free.holder == nil && free.router == "a" && free.interfaceIndex == 2)
    probes.heard(claim, onInterface: 2)
    passAll()
    let ends = [probes.end(identifiers[1]), probes.end(identifiers[1])]
    #expect(ends[0]?.holder?.mac == Self.stranger && ends[1] == nil && probes.isEmpty)
  }

  @Test func `it is over when all answers can have come`() throws {
    var probes = ChangeProbes()
    let identifier = probes.begin(probe(try address(1)))
    var sent = 0
    while let deadline = probes.deadline(where: { _ in true }) {
      sent += probes.takeDue(by: deadline) { _ in true }.reduce(0) { $0 + $1.addresses.count }
    }
    #expect(sent == 3 && probes.interfaceWaitedFor(identifier) == nil)
  }

  @Test func `what a group lists counts for the router of that group and family`() throws {
    var probes = ChangeProbes()
    let own = try address(1)
    let identifiers = [probes.begin(probe(own)), probes.begin(probe(own, "b"))]
    probes.heardGroup(of: "b", .ipv4, listing: [own], at: at(0))
    probes.heardGroup(of: "a", .ipv6, listing: [own], at: at(0))
    probes.heard(
      AddressClaim(address: own, mac: Self.stranger, form: .reply), onInterface: 2)
    while let deadline = probes.deadline(where: { _ in true }) {
      _ = probes.takeDue(by: deadline) { _ in true }
    }
    let ends = identifiers.map { probes.end($0)?.holder?.mac }
    #expect(ends == [Self.stranger, nil])
  }
}
