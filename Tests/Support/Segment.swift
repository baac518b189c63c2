import Foundation
import Synchronization
package import VIPCore

/// A machine on a ``Segment``: a namespace with one interface, `eth0`.
package final class LabNode: Sendable {
  /// The namespace that plays the machine.
  package let namespace: Namespace
  /// A short name for reports.
  package let name: String
  /// The address by which the machine is known in IPv4.
  package let ipv4: IPv4Address
  /// The global address of the machine in IPv6.
  package let ipv6: IPv6Address
  /// The link-local address that the kernel made from the MAC address.
  package let linkLocal: IPv6Address
  /// The MAC address of `eth0`.
  package let mac: MACAddress
  /// The name of the switch's port that `eth0` is plugged into.
  package let port: String

  fileprivate init(segment: UInt8, number: UInt8, name: String, in switchboard: Namespace) throws {
    self.name = name
    namespace = try Namespace(name)
    ipv4 = IPv4Address(198, 18, segment, number)
    ipv6 = IPv6Address(high: 0x2001_0DB8_0000_0000 | UInt64(segment) << 16, low: UInt64(number))
    mac = MACAddress(0x02, 0x76, 0x74, segment, 0, number)
    // RFC 4291 appendix A: the universal bit is turned over, FFFE goes into the middle.
    linkLocal = IPv6Address(
      high: 0xFE80 << 48, low: 0x0076_74FF_FE00_0000 | UInt64(segment) << 16 | UInt64(number))
    port = "p\(number)"
    try switchboard.ip("link add \(port) type veth peer name eth0 netns \(namespace.name)")
    // No waiting for duplicate address detection: no other machine can be on this segment.
    try namespace.check([
      "sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0", "net.ipv6.conf.eth0.dad_transmits=0",
    ])
    try switchboard.ip("link set \(port) master br0 up")
    try namespace.ip(
      """
      link set eth0 address \(mac)
      address add \(ipv4)/24 dev eth0
      address add \(ipv6)/64 dev eth0 nodad
      link set eth0 up
      """)
  }

  /// The address from which the machine advertises in a family.
  package func advertiser(_ family: AddressFamily) -> IPAddress {
    family == .ipv4 ? .v4(ipv4) : .v6(linkLocal)
  }

  /// The addresses on the machine's interfaces, as `interface address/length`, sorted.
  package func addresses() throws -> [String] {
    let text = try namespace.check(["ip", "-j", "address", "show"])
    let links = try JSONDecoder().decode([Link].self, from: Data(text.utf8))
    return links.flatMap { link in
      link.addr_info.compactMap { info in
        info.local.map { "\(link.ifname ?? "?") \($0)/\(info.prefixlen ?? -1)" }
      }
    }.sorted()
  }

  /// Whether the machine has an address on any of its interfaces.
  package func holds(_ address: IPAddress) throws -> Bool {
    try addresses().contains { $0.contains(" \(address)/") }
  }

  private struct Link: Decodable {
    let ifname: String?
    let addr_info: [Info]
  }

  private struct Info: Decodable {
    let local: String?
    let prefixlen: Int?
  }
}

extension Pinger {
  /// Starts to ask from a machine, every 2 ms unless told otherwise.
  package convenience init(
    from node: LabNode, to target: IPAddress, every interval: Duration = .milliseconds(2)
  ) throws {
    try self.init(inNamespace: node.namespace.name, to: target, every: interval)
  }
}

/// One Ethernet segment: a switch, some nodes and a client, each a namespace of its own.
package final class Segment: Sendable {
  /// The machines that share addresses.
  package let nodes: [LabNode]
  /// A machine that only looks from outside.
  package let client: LabNode
  /// The namespace of the switch, whose bridge `br0` sees all multicast of the segment.
  package let switchboard: Namespace
  /// A place for logs, sockets and configurations.
  package let directory: TemporaryDirectory
  private let number: UInt8

  private static let counter = Atomic<Int>(0)

  /// Builds a segment and returns when all its links carry traffic.
  package init(nodes count: Int) throws {
    let number = UInt8(truncatingIfNeeded: Self.counter.add(1, ordering: .relaxed).newValue)
    let switchboard = try Namespace("switch")
    self.number = number
    self.switchboard = switchboard
    directory = try TemporaryDirectory()
    // Without snooping every multicast frame reaches every port, as on a plain switch.
    try switchboard.ip("link add br0 type bridge mcast_snooping 0\nlink set br0 up")
    nodes = try (1...count).map {
      try LabNode(segment: number, number: UInt8($0), name: "n\($0)", in: switchboard)
    }
    client = try LabNode(segment: number, number: 200, name: "client", in: switchboard)
    for node in nodes + [client] {
      try eventually("\(node.name) has its link-local address") {
        try node.holds(.v6(node.linkLocal)) && isForwarding(node)
      }
    }
  }

  /// An address of the segment that no machine has.
  package func virtualAddress(_ family: AddressFamily, _ index: UInt8 = 100) -> IPAddress {
    switch family {
    case .ipv4: .v4(IPv4Address(198, 18, number, index))
    case .ipv6:
      .v6(IPv6Address(high: 0x2001_0DB8_0000_0000 | UInt64(number) << 16, low: UInt64(index)))
    }
  }

  // MARK: - Faults

  /// Pulls the cable: the node loses its carrier.
  package func cut(_ node: LabNode) throws {
    try switchboard.ip("link set \(node.port) down")
  }

  /// Plugs the cable in again.
  package func restore(_ node: LabNode) throws {
    try switchboard.ip("link set \(node.port) up")
  }

  /// What the switch can be told to lose.
  package enum Traffic: String, Sendable {
    /// VRRP advertisements of both families.
    case vrrp = "meta l4proto 112 drop"
    /// Every frame; the link itself stays up.
    case everything = "drop"
  }

  /// Which way a lost frame was going.
  package enum Direction: Sendable {
    /// What the node sends.
    case fromNode
    /// What the node would hear.
    case toNode
    /// Both.
    case both
  }

  /// Lets the switch lose frames of a node, in place of what it lost of that node before.
  package func lose(_ traffic: Traffic, _ direction: Direction, _ node: LabNode) throws {
    try deliver(node)
    func chain(_ hook: String) -> String {
      """
        chain \(hook) {
          type filter hook \(hook) device \(node.port) priority 0;
          \(traffic.rawValue);
        }

      """
    }
    let ingress = direction == .toNode ? "" : chain("ingress")
    let egress = direction == .fromNode ? "" : chain("egress")
    try switchboard.check(
      ["nft", "-f", "-"], input: "table netdev \(node.name) {\n\(ingress)\(egress)}\n")
  }

  /// Lets the switch deliver all frames of a node again.
  package func deliver(_ node: LabNode) throws {
    try switchboard.check(
      ["nft", "-f", "-"], input: "table netdev \(node.name)\ndelete table netdev \(node.name)\n")
  }

  private func isForwarding(_ node: LabNode) throws -> Bool {
    try switchboard.check(["bridge", "link", "show", "dev", node.port])
      .contains("state forwarding")
  }
}
