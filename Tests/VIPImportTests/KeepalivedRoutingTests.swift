import TestSupport
import Testing

@testable import VIPImport

/// Addresses elsewhere, routes and rules.
@Suite struct KeepalivedRoutingTests: ImportSuite {
  private func lines(_ text: String) throws -> [String] {
    try imported(Self.instance(text)).yaml.split(separator: "\n").map { line in
      line.split(separator: " #")[0].split(separator: " ").joined(separator: " ")
    }
  }

  @Test func `addresses that are elsewhere or not advertised`() throws {
    let lines = try lines(
      """
      virtual_ipaddress {
        192.0.2.11/24 dev eth1 label eth1:5
        192.0.2.12/24 dev eth0
      }
      virtual_ipaddress_excluded {
        10.0.0.1/32 dev lo
        2001:db8::5/64
      }
      """)
    #expect(
      lines.suffix(5) == [
        "- 192.0.2.10/24", "- { address: 192.0.2.11/24, interface: eth1, label: \"eth1:5\" }",
        "- 192.0.2.12/24", "- { address: 10.0.0.1/32, interface: lo, advertised: false }",
        "- { address: \"2001:db8::5/64\", advertised: false }",
      ])
  }

  /// A route of keepalived and what it becomes.
  static let routes: [(String, String)] = [
    ("198.51.100.0/24 via 192.0.2.1", "destination: 198.51.100.0/24, via: 192.0.2.1"),
    ("198.51.100.7 dev eth1", "destination: 198.51.100.7/32, interface: eth1"),
    ("default via 192.0.2.1", "destination: 0.0.0.0/0, via: 192.0.2.1"),
    (
      "default via inet6 fe80::1 dev eth0",
      "destination: \"::/0\", via: \"fe80::1\", interface: eth0"
    ),
    (
      "src 192.0.2.10 to 198.51.100.9/24 gw 192.0.2.1 scope link metric 0x10 table main",
      "destination: 198.51.100.0/24, via: 192.0.2.1, source: 192.0.2.10, metric: 16, table: 254, "
        + "scope: link"
    ),
    ("2001:db8::/32 dev eth0 proto static", "destination: \"2001:db8::/32\", interface: eth0"),
  ]

  @Test(arguments: routes)
  func `routes are carried over`(text: String, yaml: String) throws {
    let result = try imported(Self.instance("virtual_routes {\n\(text)\n}"))
    #expect(result.remarks == [])
    #expect(result.routers.first?.routes.map(\.yaml) == ["{ \(yaml) }"])
  }

  /// A rule of keepalived and what it becomes.
  static let rules: [(String, String)] = [
    ("from 192.0.2.10 table 100 priority 5", "from: 192.0.2.10/32, table: 100, priority: 5"),
    (
      "to 198.51.100.9/24 from 10.0.0.0/8 lookup default preference 6",
      "from: 10.0.0.0/8, to: 198.51.100.0/24, table: 253, priority: 6"
    ),
    ("fwmark 0x10 from all table 7 priority 7", "fwmark: 16, table: 7, priority: 7"),
  ]

  @Test(arguments: rules)
  func `rules are carried over`(text: String, yaml: String) throws {
    let result = try imported(Self.instance("virtual_rules {\n\(text)\n}"))
    #expect(result.remarks == [])
    #expect(result.routers.first?.rules.map(\.yaml) == ["{ \(yaml) }"])
  }

  /// A line of `virtual_routes` or `virtual_rules` and the reason why it is left out.
  static let misfits: [(String, String, String)] = [
    (
      "routes", "198.51.100.0/24",
      "it names neither a gateway nor an interface, and the kernel takes"
    ),
    ("routes", "via 192.0.2.1", "it has no destination"),
    ("routes", "to default via", "'via ' names no address"),
    ("routes", "default via 192.0.2.1 via 192.0.2.2", "'via' is given twice"),
    ("routes", "default dev", "'dev' names no interface"),
    ("routes", "default dev eth0 metric x", "'metric x' is no number"),
    ("routes", "default dev eth0 table blue", "the table 'blue' is no number; write that which"),
    ("routes", "default dev eth0 table", "'table' names none"),
    (
      "routes", "default dev eth0 scope site",
      "'scope site' is not known; give global, link or host"
    ),
    ("routes", "to 1.2.3/24 dev eth0", "'1.2.3/24' is no network"),
    ("routes", "to 1.2.3.4/33 dev eth0", "'1.2.3.4/33' is no network"),
    (
      "routes", "default dev eth0 onlink",
      "'onlink' has no equivalent; let a hook set it with 'ip ro"
    ),
    ("routes", "blackhole 10.0.0.0/8", "'blackhole' has no equivalent; let a hook set it with 'ip"),
    ("rules", "from 192.0.2.1", "it names no table, and only rules that do have an equivalent"),
    (
      "routes", "default via ff02::1 dev eth0",
      "its gateway or source is no address that one machine"
    ),
    ("routes", "10.0.0.0/8 via 2001:db8::1", "its addresses are of different families"),
    (
      "routes", "2001:db8::/32 via fe80::1",
      "its gateway is link-local, for which an interface must"
    ),
    (
      "routes", "default dev eth0 table local",
      "the table 'local' is the kernel's own; name another"
    ),
    ("rules", "from 10.0.0.1 to 2001:db8::1 table 7", "its addresses are of different families"),
    ("rules", "fwmark 0 table 7", "a mark is not 0"),
    ("rules", "from 10.0.0.1 table 7 priority 40000", "its preference does not lie between 1 and"),
    ("rules", "from all table 7", "it is for all packets; name 'from', 'to' or 'fwmark'"),
    ("rules", "from", "a network is missing"),
    ("rules", "fwmark 4/0xff table 7", "'fwmark 4/0xff' is no number"),
    ("rules", "iif eth0 table 7", "'iif' has no equivalent; let a hook set it with 'ip rule'"),
  ]

  @Test(arguments: misfits)
  func `what can't be said`(kind: String, text: String, reason: String) throws {
    let result = try imported(Self.instance("virtual_\(kind) {\n\(text)\n}"))
    #expect(result.remarks.map(\.kind) == [.lost])
    let told = try #require(result.remarks.first).text
    #expect(
      told.hasPrefix("the \(kind.dropLast()) '\(text)' is left out: \(reason)"), "\(told)")
    #expect(result.routers.count == 1, "the rest is there")
  }

  /// Lines with which nothing is lost, and what there is to know.
  static let notes: [(String, String)] = [
    (
      "virtual_routes {\ndefault dev eth0 no_track\n}",
      "'no_track' needs no equivalent; what another"
    ),
    (
      "virtual_routes {\n2001:db8::/32 dev eth0 scope link\n}",
      "a route of IPv6 has no scope; it is"
    ),
    (
      "virtual_rules {\nfrom 10.0.0.1 table 7\n}",
      "a rule without a preference gets 16384 here: keepalived counts down from 16384"
    ),
  ]

  @Test(arguments: notes)
  func `what is to be known`(lines: String, text: String) throws {
    let result = try imported(Self.instance(lines))
    #expect(result.remarks.map(\.kind) == [.note])
    #expect(result.remarks.first?.text.hasPrefix(text) == true)
  }

  @Test func `rules without a preference come in the order that keepalived gives them`() throws {
    let rules =
      "virtual_rules {\nfrom 10.0.0.1 table 7\nfrom 10.0.0.2 table 7\nfwmark 3 table 7\n"
      + "from 10.0.0.9 table 7 priority 5\niif eth1 table 7\nfrom 2001:db8::1 table 7\n"
      + "from 10.0.0.3 table 7 flux\nfrom 10.0.0.4 table 7\n}"
    let other = Self.instance("virtual_rules {\nfrom 10.0.0.5 table 7\n}")
      .replacing("web", with: "db").replacing("51", with: "52").replacing("2.10", with: "2.11")
    let result = try imported(
      "static_rules {\nfrom 10.0.0.8 table 7\n}\n" + Self.instance(rules) + "\n" + other)
    // Rules that keepalived has and this does not are counted; those that it refuses are not.
    #expect(
      result.routers.flatMap(\.rules).map { rule in
        rule.fields.first { $0.key == "priority" }?.value
      } == ["16383", "16382", "16381", "5", "16384", "16379", "16378"])
  }

  @Test func `one of two routes to the same place is taken`() throws {
    let result = try imported(
      Self.instance("virtual_routes {\ndefault dev eth0\ndefault dev eth1 table 254 metric 0\n}"))
    #expect(result.routers.first?.routes.count == 1)
    #expect(
      result.remarks.map(\.text) == [
        "there is a route to 0.0.0.0/0 with this metric and table already; left out"
      ])
  }

  /// Lines of an instance with an address that does not go with the rest, and what is said.
  static let strays: [(String, String)] = [
    (
      "use_vmac\nvirtual_ipaddress {\n192.0.2.11 label eth0:1\n}",
      "the label 'eth0:1' of 192.0.2.11/32 is left out: there are none with a virtual MAC address"
    ),
    (
      "virtual_ipaddress {\n192.0.2.11 label vip\n}",
      "the label 'vip' of 192.0.2.11/32 is left out: one is 'eth0:' and something behind it, 15 "
        + "characters in all"
    ),
    (
      "priority 255\nvirtual_ipaddress {\n192.0.2.11 dev eth1\n}",
      "192.0.2.11/32 is left out: with priority 255 a router has the addresses of its interface and "
        + "no others; take a lower one"
    ),
    (
      "unicast_peer {\n192.0.2.2\n}\nunicast_src_ip 192.0.2.10",
      "'unicast_src_ip' is no address of this machine's own to send to the peers from; it is left out"
    ),
  ]

  @Test(arguments: strays)
  func `what does not go with the rest of the router`(lines: String, text: String) throws {
    let result = try imported(Self.instance(lines))
    #expect(result.remarks.map(\.kind) == [.lost])
    #expect(result.remarks.map(\.text) == [text])
    #expect(result.routers.first?.addresses.contains { $0.label != nil } == false)
  }

  @Test func `more than a router can have is left out`() throws {
    let routes = (0..<1001).map { "10.0.\($0 >> 8).\($0 & 255) dev eth0\n" }.joined()
    let result = try imported(Self.instance("virtual_routes {\n\(routes)}"))
    #expect(
      result.remarks.map(\.text) == [
        "vrrp_instance web is left out: it has more than 1000 addresses elsewhere and routes"
      ])
  }
}
