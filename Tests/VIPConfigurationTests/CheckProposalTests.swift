import Netlink
import Testing
import VIPCore

@testable import VIPConfiguration

/// What a check proposes for limits and settings that no test can change: once they are as it says,
/// it says nothing any more.
@Suite struct CheckProposalTests {
  private static let file =
    "routers: [{interface: eth0, vrid: 1, interval: 100ms, addresses: [192.0.2.9, 192.0.2.8]}]"

  /// The limits of a container and the settings of its machine.
  private struct Surroundings {
    var settings: [String: String] = [:]
    var isReadOnly = false
    var openFilesMax: UInt64?
    var processesLeft: Int?
    var processorQuota: (run: Int, of: Int)?
    var neighbours: NeighbourTable?
  }

  private func remarks(_ file: String, _ surroundings: Surroundings) throws -> [String] {
    let settings = surroundings.settings
    var kernel = KernelSettings { settings[$0] }
    kernel.isReadOnly = surroundings.isReadOnly
    kernel.openFilesMax = surroundings.openFilesMax
    kernel.processesLeft = surroundings.processesLeft
    kernel.processorQuota = surroundings.processorQuota
    let table = surroundings.neighbours
    kernel.neighbours = { _ in table }
    let machine = MachineCheck(
      links: [
        Link(
          index: 2, name: "eth0", macAddress: MACAddress(2, 0, 0, 0, 0, 1), mtu: 1500,
          flags: [.up, .running, .lowerUp, .broadcast, .multicast])
      ],
      addresses: [
        AddressRecord(
          interfaceIndex: 2, address: try #require(InterfaceAddress("192.0.2.1/24")))
      ], kernel: kernel)
    var routers: [PlacedRouter] = []
    let read = try ConfigurationReader.read(file) { routers.append($0) }
    return machine.remarks(read, routers).map(\.text)
  }

  /// Expects one remark that ends with a proposal, and none once it has been followed.
  private func expectHelp(
    _ surroundings: Surroundings, _ proposal: String, file: String = Self.file,
    helped: String = Self.file, _ follow: (inout Surroundings, String) throws -> Void
  ) throws {
    let told = try remarks(file, surroundings)
    #expect(told.count == 1 && told[0].hasSuffix(proposal), "\(told)")
    var changed = surroundings
    try follow(&changed, told.first ?? "")
    let left = try remarks(helped, changed)
    #expect(left == [], "it does not help: \(told)")
  }

  @Test func `a table of neighbours that fills up: the limit is raised`() throws {
    let path = "net/ipv4/neigh/default/gc_thresh3"
    try expectHelp(
      Surroundings(settings: [path: "1024"], neighbours: NeighbourTable(count: 600)),
      "; raise that limit"
    ) { surroundings, message in
      let name = try #require(message.firstMatch(of: #/\((net\.\S+)\)/#)).output.1
      surroundings.settings[String(name.replacing(".", with: "/"))] = "4096"
    }
  }

  @Test func `secondary addresses that fall with the first one: set from outside`() throws {
    let path = "net/ipv4/conf/eth0/promote_secondaries"
    try expectHelp(
      Surroundings(settings: [path: "0"], isReadOnly: true), "; set it to 1 from outside"
    ) { surroundings, message in
      let name = try #require(message.firstMatch(of: #/and (net\.\S+) is 0/#)).output.1
      surroundings.settings[String(name.replacing(".", with: "/"))] = "1"
    }
  }

  @Test func `too few open files: the number that it names is enough`() throws {
    try expectHelp(
      Surroundings(openFilesMax: 64), "; raise LimitNOFILE= or ulimit -n"
    ) { surroundings, message in
      let needed = try #require(message.firstMatch(of: #/needs up to (\d+);/#)).output.1
      surroundings.openFilesMax = UInt64(needed)
    }
  }

  @Test func `too few processes: the number that it names is enough`() throws {
    try expectHelp(
      Surroundings(processesLeft: 3), "; raise that limit"
    ) { surroundings, message in
      let needed = try #require(message.firstMatch(of: #/needs up to (\d+);/#)).output.1
      surroundings.processesLeft = Int(needed)
    }
  }

  @Test func `too little processor time: no limit, or a longer interval`() throws {
    let quota = (run: 100_000, of: 1_000_000)
    let proposal = "; lift the limit, or set a longer interval"
    try expectHelp(Surroundings(processorQuota: quota), proposal) { surroundings, _ in
      surroundings.processorQuota = nil
    }
    try expectHelp(
      Surroundings(processorQuota: quota), proposal,
      helped: Self.file.replacing("100ms", with: "1s")
    ) { _, _ in }
  }

  @Test func `a lease that is too short: as long as it says, or left out`() throws {
    let routers = "routers: [{interface: eth0, vrid: 1, interval: 10s, addresses: [192.0.2.9]}]"
    let file = "node: {lease: 5s}\n" + routers
    let told = try remarks(file, Surroundings()).joined()
    let needed = try #require(
      told.firstMatch(of: #/take at least (\w+), or leave the lease out/#), "\(told)")
    for helped in ["node: {lease: \(needed.output.1)}\n" + routers, routers] {
      try expectHelp(
        Surroundings(), "or leave the lease out", file: file, helped: helped
      ) { _, _ in }
    }
  }
}
