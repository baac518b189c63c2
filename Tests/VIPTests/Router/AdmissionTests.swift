import Netlink
import Testing
import VIPCore
import VRRP

@testable import VIP

/// Whether a router may be added on a machine as it is, as a value, without an engine.
@Suite struct AdmissionTests {
  private static let address = "198.18.0.100/24"
  private static let withoutInterface =
    "web: there is no interface 'eth0'; this machine has eth1, lo"
  private let eth0 = Link(index: 2, name: "eth0")

  /// The refusal of an address that is the host's own.
  private static func ofHost(_ address: String) -> String {
    "web: \(address) is eth0's own address; stop the program that has added it, such as "
      + "keepalived, or remove it"
  }

  private func settings(
    _ addresses: [String] = [address], priority: Int = 100, vrid: Int = 51,
    on interface: String = "eth0"
  ) throws -> RouterConfiguration {
    RouterConfiguration(
      name: "web", interface: interface, vrid: try #require(VRID(exactly: vrid)),
      priority: try #require(Priority(configured: priority)),
      addresses: try addresses.map { try #require(InterfaceAddress($0)) })
  }

  private func refusal(_ body: () throws(NodeError) -> Void) -> String? {
    do throws(NodeError) {
      try body()
      return nil
    } catch {
      return error.description
    }
  }

  /// Why a router is refused whose interface is not there.
  private func refusalWithoutInterface(
    _ policy: UnreadyPolicy, present: RouterConfiguration? = nil
  ) throws -> String? {
    let admission = Admission(try settings(), policy)
    return refusal { () throws(NodeError) in
      try admission.requireInterface(among: ["eth1", "lo"], present: present)
    }
  }

  /// Why a router is refused on the interface that is there.
  private func refusal(
    of wanted: RouterConfiguration, _ policy: UnreadyPolicy = .refuse, on link: Link? = nil,
    _ fault: InterfaceFault.Kind? = nil, present: RouterConfiguration? = nil,
    hostHas host: [String] = []
  ) -> String? {
    let link = link ?? eth0
    return refusal { () throws(NodeError) in
      try Admission(wanted, policy).requireReady(
        on: link, fault.map { InterfaceFault($0, of: link.name) }, present: present
      ) { host.contains($0.description) }
    }
  }

  @Test func `without its interface a router is refused unless it may wait`() throws {
    #expect(try refusalWithoutInterface(.refuse) == Self.withoutInterface)
    #expect(try refusalWithoutInterface(.wait) == nil)
  }

  @Test func `one that is there already waits for its interface in any case`() throws {
    #expect(try refusalWithoutInterface(.refuse, present: settings()) == nil)
    #expect(
      try refusalWithoutInterface(.refuse, present: settings(on: "eth1")) == Self.withoutInterface)
  }

  @Test func `an interface that can't serve is a reason to wait, and a loopback one none`() throws {
    let wanted = try settings()
    let refused = refusal(of: wanted, .refuse, .notEthernet)
    #expect(refused?.hasPrefix("web: eth0 is no Ethernet") == true)
    #expect(refusal(of: wanted, .wait, .notEthernet) == nil)
    let loopback = Link(index: 1, name: "lo", flags: [.up, .running, .loopback])
    let never = refusal(of: wanted, .wait, on: loopback, .loopback)
    #expect(never?.hasPrefix("web: lo is a loopback interface") == true)
  }

  @Test func `the host's own address is refused to all but its owner`() throws {
    let host = ["198.18.0.100"]
    #expect(refusal(of: try settings(), hostHas: host) == Self.ofHost("198.18.0.100"))
    #expect(refusal(of: try settings(), .wait, hostHas: host) == nil)
    #expect(refusal(of: try settings(priority: 255), hostHas: host) == nil)
    #expect(refusal(of: try settings(), hostHas: ["198.18.0.101"]) == nil)
  }

  @Test func `a router that goes on keeps what has become the host's own and gets no more`()
    throws
  {
    let both = try settings([Self.address, "198.18.0.101/24"])
    #expect(refusal(of: both, present: try settings(), hostHas: ["198.18.0.100"]) == nil)
    let more = refusal(of: both, present: try settings(), hostHas: ["198.18.0.101"])
    #expect(more == Self.ofHost("198.18.0.101"))
    // Another router comes in its place.
    let replaced = try settings(vrid: 52)
    let other = refusal(of: both, present: replaced, hostHas: ["198.18.0.100"])
    #expect(other == Self.ofHost("198.18.0.100"))
  }

  @Test func `the host's own address keeps a router from starting, not from going on`() throws {
    let addresses = [100, 101].map { IPAddress.v4(IPv4Address(198, 18, 0, $0)) }
    let owner = try #require(Priority(configured: 255))
    func fault(
      _ priority: Priority = .default, isRunning: Bool = false, hostHas last: Int = 1
    ) -> Fitness.Fault? {
      Admission.hostAddressFault(
        of: addresses, priority, isRunning: isRunning, on: eth0
      ) { addresses.firstIndex(of: $0) == last }
    }
    #expect(fault() == .unfit(.hostAddress(addresses[1], interface: "eth0")))
    #expect(fault(isRunning: true) == nil && fault(owner) == nil && fault(hostHas: 2) == nil)
  }
}
