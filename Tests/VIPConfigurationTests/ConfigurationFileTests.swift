import ARP
import TestSupport
import Testing
import VIP
import VIPCore
import VRRP

@testable import VIPConfiguration

/// What a configuration file may say, and what is said about one that is wrong.
@Suite struct ConfigurationFileTests {
  @Test func `everything a file can say`() throws {
    let file = try ConfigurationReader.read(
      """
      # A comment, which says nothing.
      node:
        lease: 5s
        guard: false
        realtime: true
      routers:
        - name: web
          interface: eth0
          vrid: 51
          priority: 150
          interval: 250ms
          addresses: [192.0.2.10/24, "2001:db8::10/64"]
          preempt: false
          checksum: message
          handover: strict
          version: 3
          authentication: null
        - {interface: eth1, vrid: 7, addresses: [2001:db8::7], preempt: {delay: 30s}}
        - {interface: eth1, vrid: 8, addresses: [192.0.2.8], version: 2, interval: 255s,
           authentication: {password: "s3same!"},
           track: [eth0, {interface: eth2, decrement: 60}, {interface: eth3}]}
      """)
    #expect(file.settings.lease == LeasePolicy("5s"))
    #expect(file.settings.isGuarded == false)
    #expect(file.settings.isRealtime == true)
    #expect(file.given == [.lease, .guard, .realtime])
    let web = try RouterConfiguration(
      name: "web", interface: "eth0", vrid: #require(VRID("51")),
      priority: #require(Priority(configured: 150)),
      interval: #require(AdvertisementInterval("250ms")),
      addresses: [
        #require(InterfaceAddress("192.0.2.10/24")), #require(InterfaceAddress("2001:db8::10/64")),
      ], preempts: false, checksum: .message, handover: .strict)
    let second = try RouterConfiguration(
      interface: "eth1", vrid: #require(VRID("7")),
      addresses: [#require(InterfaceAddress("2001:db8::7/128"))], preemptDelay: .seconds(30))
    let third = try RouterConfiguration(
      interface: "eth1", vrid: #require(VRID("8")),
      interval: #require(AdvertisementInterval("255s", version: .v2)),
      addresses: [#require(InterfaceAddress("192.0.2.8/32"))], version: .v2,
      password: Authentication.Password("s3same!"),
      tracks: [
        Track(interface: "eth0"), Track(interface: "eth2", decrement: 60), Track(interface: "eth3"),
      ])
    #expect(file.routers == [web, second, third])
    #expect(file.routers.map(\.name) == ["web", "eth1-7", "eth1-8"])
  }

  @Test func `announcements`() throws {
    func read(_ text: String) throws -> NodeSettings {
      try ConfigurationReader.read(
        "node:\n  announcements: \(text)\nrouters: [{interface: e, vrid: 1, addresses: [192.0.2.1]}]\n"
      ).settings
    }
    #expect(
      try read("{ rate: 2000, burst: 50, repeat: [500ms, 2s, 10s], refresh: 60s }").announcements
        == AnnouncementPolicy(
          pauses: [.milliseconds(500), .seconds(2), .seconds(10)], maximumRate: 2000, burst: 50,
          refresh: .seconds(60)))
    #expect(try read("{ repeat: [], refresh: off }").announcements.pauses == [])
    for (text, message) in [
      (
        "{ rate: 0 }", "2:26: '0' is not a number of announcements; give a number from 1 to 1000000"
      ),
      ("{ repeat: 1s }", "2:28: 'repeat' is a list, such as [1s, 2s]; found '1s'"),
      ("{ repeat: [1] }", "2:29: '1' has no unit; write 1s"),
      ("{ refresh: 10ms }", "2:29: '10ms' is not a time between announcements; give 1s to 24h, or"),
      (
        "{ often: 1s }",
        "2:20: unknown key 'often' in 'announcements'; known here: 'rate', 'burst',"
      ),
    ] {
      let error = #expect(throws: Diagnostic.self) { try read(text) }
      #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
  }

  @Test func `what is left out is left open`() throws {
    let file = try ConfigurationReader.read(
      "routers: [{interface: e, vrid: 1, addresses: [192.0.2.1]}]\nnode:\n")
    #expect(file.given == [] && file.settings == FileConfiguration.defaultSettings)
    #expect(file.routers.first?.interval == .default)
  }

  @Test func `one anchor may stand for the addresses of two routers`() throws {
    let file = try ConfigurationReader.read(
      """
      routers:
        - {interface: eth0, vrid: 1, addresses: &vips [192.0.2.1/24]}
        - {interface: eth1, vrid: 1, addresses: *vips}
      """)
    #expect(file.routers[0].addresses == file.routers[1].addresses)
  }

  @Test func `only anchors and aliases count as such`() throws {
    let file = try ConfigurationReader.read(
      """
      # & & & & & & and * * * in a comment, or in a text
      routers: [{interface: e, vrid: 1, addresses: [192.0.2.1],
        on: {active: [/bin/true, "&a &b &c &d &e", "a & b & c"]}}]
      """)
    #expect(file.routers.first?.hooks.active.count == 3)
  }

  @Test func `lines of other systems, and the mark that some editors put first`() throws {
    let file = try ConfigurationReader.read(
      "\u{FEFF}routers:\r\n- interface: e\r\n  vrid: 1\r\n  addresses: [192.0.2.1]\r\n")
    #expect(file.routers.count == 1)
    for (text, message) in [
      ("\u{FEFF}x: 1\r\n", "1:1: unknown key 'x' at the top"),
      ("routers:\r\n- eth0\r\n", "2:3: expected 'name'"),
      ("routers:\r\n\t- a\r\n", "2:1: not valid YAML: indent with spaces, not with tabs"),
      ("é: \u{7}\n", "1:4: not valid YAML: control characters are not allowed"),
    ] {
      let error = #expect(throws: Diagnostic.self) { try ConfigurationReader.read(text) }
      #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    }
  }

  @Test func `a key is given twice however it is written`() throws {
    let error = #expect(throws: Diagnostic.self) {
      try ConfigurationReader.read("node: {}\nrouters: []\n\"node\": {}\n")
    }
    #expect(error?.description == "1:1: the key 'node' is given twice; remove one of them")
  }

  /// A file with one router, of which one line is wrong.
  private static func router(_ line: String, without key: String? = nil) -> String {
    let lines = ["interface: eth0", "vrid: 51", "addresses: [192.0.2.10/24]"]
    let kept = lines.filter { line in key.map { !line.hasPrefix($0) } ?? true }
    return "routers:\n- " + ([line] + kept).joined(separator: "\n  ") + "\n"
  }

  /// Bad files and what is said about them.
  static let badFiles: [(String, String)] = [
    ("", "the file is empty; it needs 'routers:' with at least one router"),
    ("# nothing\n", "the file is empty; it needs 'routers:' with at least one router"),
    ("---\n", "the file is empty; it needs 'routers:' with at least one router"),
    ("hello", "1:1: expected 'node:' and 'routers:' here, found a single value"),
    ("- interface: eth0", "1:1: expected 'node:' and 'routers:' here, found a list"),
    ("node: {}\n", "1:1: 'routers:' is missing; it lists the virtual routers"),
    ("routers: []\n", "1:10: 'routers' is empty; name at least one virtual router"),
    ("routers:\n", "1:9: 'routers' is a list, such as - interface: eth0; found nothing"),
    ("routers: eth0\n", "1:10: 'routers' is a list, such as - interface: eth0; found 'eth0'"),
    ("router: []\n", "1:1: unknown key 'router' at the top; did you mean 'routers'?"),
    (
      "x: 1\n",
      "1:1: unknown key 'x' at the top; known here: 'node', 'checks', 'groups', 'routers'"
    ),
    ("? [a, b]\n: 1\n", "1:3: a key at the top is one word, found a list"),
    (
      "node: 3s\n",
      "1:7: expected 'lease', 'guard', 'realtime', 'announcements', 'events', 'on' in 'node', found "
        + "a single value"
    ),
    (
      "node:\n  realtym: true\n",
      "2:3: unknown key 'realtym' in 'node'; did you mean 'realtime'?"
    ),
    ("node:\n  guard: yes\n", "2:10: 'guard' is true or false, found 'yes'"),
    ("node:\n  lease: 3\n", "2:10: '3' has no unit; write 3s"),
    (
      "node:\n  lease: 1s\n",
      "2:10: '1s' is not a lease; give auto, whole seconds from 2s to 1h, or off"
    ),
    ("node: {lease: [3s]}\n", "1:15: 'lease' is a single value, found a list"),
    ("routers:\n- eth0\n", "2:3: expected \(routerKeys) in a router, found a single value"),
    (router("track: eth1"), "2:10: 'track' is a list, such as [eth1]; found 'eth1'"),
    (router("track: [{decrement: 3}]"), "2:11: an entry of 'track' needs an 'interface'"),
    (
      router("track: [{interface: eth1, decrement: 255}]"),
      "2:40: '255' is nothing that a priority can fall by; give a number from 1 to 254"
    ),
    (
      router("track: [eth0]"),
      "2:11: eth0 is the router's own interface; it always waits while that is down"
    ),
    (router("vird: 51"), "2:3: unknown key 'vird' in a router; did you mean 'vrid'?"),
    (router("peers: eth0"), "2:10: 'peers' is a list, such as [192.0.2.2]; found 'eth0'"),
    (
      router("peers: [192.0.2.10]"),
      "2:11: 192.0.2.10 is a virtual address; name the machines' own addresses"
    ),
    (router("virtualMac: yes"), "2:15: 'virtualMac' is true or false, found 'yes'"),
    (
      router("virtualMac: true\n  priority: 255"),
      "2:15: an owner (priority 255) serves the interface's own addresses, which have its own "
        + "Ethernet address; take a lower priority, or leave out the virtual MAC address"
    ),
    (router("vrid: 51"), "2:3: the key 'vrid' is given twice; remove one of them"),
    (
      router("name: web", without: "interface"),
      "2:3: this router has no 'interface'; name the one it serves"
    ),
    (
      router("name: web", without: "vrid"),
      "2:3: this router has no 'vrid'; give a number from 1 to 255"
    ),
    (
      router("name: web", without: "addresses"),
      "2:3: this router has no 'addresses'; list at least one"
    ),
    (
      router("interface:", without: "interface"),
      "2:13: 'interface' is text, such as eth0; found nothing"
    ),
    (
      router("interface: a/b", without: "interface"),
      "2:14: 'a/b' can't be the name of an interface"
    ),
    (router("vrid: 0", without: "vrid"), "2:9: '0' is not a VRID; give a number from 1 to 255"),
    (router("vrid: 256", without: "vrid"), "2:9: '256' is not a VRID; give a number from 1 to 255"),
    (router("vrid: web", without: "vrid"), "2:9: 'web' is not a VRID; give a number from 1 to 255"),
    (router("vrid: 5.1", without: "vrid"), "2:9: '5.1' is not a VRID; give a number from 1 to 255"),
    (
      router("vrid: '51'", without: "vrid"),
      "2:9: 'vrid' is a number, found text; remove the quotes"
    ),
    (router("vrid: [51]", without: "vrid"), "2:9: 'vrid' is a number, found a list"),
    (
      router("priority: 0"),
      "2:13: '0' is not a priority; give a number from 1 to 255 (255: the address owner)"
    ),
    (
      router("priority: 256"),
      "2:13: '256' is not a priority; give a number from 1 to 255 (255: the address owner)"
    ),
    (router("priority: null"), "2:13: 'priority' is a number, found nothing"),
    (router("interval: 1"), "2:13: '1' has no unit; write 1s"),
    (router("interval: 20"), "2:13: '20' has no unit; write 20s or 20ms"),
    (router("interval: 500"), "2:13: '500' has no unit; write 500ms"),
    (
      router("interval: 5ms"),
      "2:13: '5ms' is not an interval; give 10ms to 40.95s in steps of 10ms, such as 1s or 250ms"
    ),
    (
      router("interval: 41s"),
      "2:13: '41s' is not an interval; give 10ms to 40.95s in steps of 10ms, such as 1s or 250ms"
    ),
    (router("preempt: yes"), "2:12: 'preempt' is true, false or { delay: 30s }, found 'yes'"),
    (
      router("preempt: \"true\""),
      "2:12: 'preempt' is true, false or { delay: 30s }, found 'true'"
    ),
    (router("preempt: {delay: 30}"), "2:20: '30' has no unit; write 30s or 30ms"),
    (
      router("preempt: {delay: 25h}"),
      "2:20: '25h' is not a preemption delay; give 0s to 24h, such as 30s"
    ),
    (
      router("preempt: {dealy: 3s}"),
      "2:13: unknown key 'dealy' in 'preempt'; did you mean 'delay'?"
    ),
    (router("version: 4"), "2:12: '4' is not a version of VRRP; give 2 or 3"),
    (router("version: two"), "2:12: 'two' is not a version of VRRP; give 2 or 3"),
    (
      router("version: 2\n  interval: 250ms"),
      "3:13: '250ms' is not an interval; version 2 counts in whole seconds, 1s to 255s"
    ),
    (router("version: 2\n  interval: 60"), "3:13: '60' has no unit; write 60s"),
    (
      router("version: 2\n  addresses: [192.0.2.9, 2001:db8::9]", without: "addresses"),
      "3:26: version 2 exists for IPv4 only; use version 3 for IPv6"
    ),
    (
      router("authentication: {password: sesame}"),
      "2:19: version 3 has no authentication (RFC 5798 removed it); remove the password or use "
        + "version 2"
    ),
    (router("authentication: sesame"), "2:19: 'authentication' is written { password: … }"),
    (router("authentication: {}"), "2:19: 'authentication' needs a 'password'"),
    (
      router("version: 2\n  authentication: {password: much too long}"),
      "3:30: a password has 1 to 8 visible ASCII characters, none of them a space"
    ),
    (router("authentication: {password: [x]}"), "2:30: 'password' is a single value"),
    (
      router("handover: fast"),
      "2:13: 'fast' is not a way to hand over; give one of seamless, strict"
    ),
    (
      router("checksum: crc32"),
      "2:13: 'crc32' is not a checksum form; give one of auto, message, pseudo-header"
    ),
    (
      router("name: a b"),
      "2:9: the name 'a b' is not usable; take 1 to 64 letters, digits, '.', '_' or '-'"
    ),
    (
      router("addresses: 192.0.2.10/24", without: "addresses"),
      "2:14: 'addresses' is a list, such as [192.0.2.10/24]; found '192.0.2.10/24'"
    ),
    (
      router("addresses: []", without: "addresses"),
      "2:14: no addresses are given; name at least one virtual address, or hooks for an election "
        + "without one"
    ),
    (
      router("addresses: [192.0.2.10/24, 192.0.2]", without: "addresses"),
      "2:30: '192.0.2' is not an address; write it like 192.0.2.10/24 or 2001:db8::10/64"
    ),
    (
      router("addresses: [192.0.2.10/33]", without: "addresses"),
      "2:15: '/33' is not a prefix length; IPv4 has /1 to /32"
    ),
    (
      router("addresses: [2001:db8::1/129]", without: "addresses"),
      "2:15: '/129' is not a prefix length; IPv6 has /1 to /128"
    ),
    (
      router("addresses: ['fe80::1%eth0']", without: "addresses"),
      "2:15: 'fe80::1%eth0' has a zone; leave '%…' out, the interface is given apart"
    ),
    (
      router("addresses: [192.0.2.10/24, 224.0.0.1/24]", without: "addresses"),
      "2:30: 224.0.0.1 is a multicast address; a virtual address names one host"
    ),
    (
      router("addresses: [127.0.0.1/8]", without: "addresses"),
      "2:15: 127.0.0.1 is a loopback address; no other machine could reach it"
    ),
    (
      router("addresses: [0.0.0.0/24]", without: "addresses"),
      "2:15: 0.0.0.0 is the unspecified address; a virtual address names one host"
    ),
    (
      router("addresses: [192.0.2.10/24, 192.0.2.10/32]", without: "addresses"),
      "2:30: 192.0.2.10 is given twice; name it once"
    ),
    ("a: b: c\n", "1:5: not valid YAML: mapping values are not allowed in this context"),
    ("routers:\n\t- name: x\n", "2:1: not valid YAML: indent with spaces, not with tabs"),
    (
      "routers: [\n",
      "2:1: not valid YAML: did not find expected node content while parsing a flow node"
    ),
    (
      "a: 1\n---\nb: 2\n",
      "2:1: not valid YAML: but found another document expected a single "
        + "document in the stream"
    ),
    ("a: *nothing\n", "1:4: not valid YAML: found undefined alias"),
    ("a: \u{1}\n", "1:4: not valid YAML: control characters are not allowed"),
  ]

  private static let routerKeys =
    "'name', 'interface', 'vrid', 'priority', 'interval', 'addresses', 'preempt', 'version', "
    + "'checksum', 'authentication', 'handover', 'probe', 'virtualMac', 'startDelay', "
    + "'linkDelay', 'holdDown', 'track', 'checks', 'peers', 'multicastGroup', "
    + "'unicastSource', 'routes', 'rules', 'on'"
  private static let knownKeys = "known here: \(routerKeys)"

  @Test(arguments: badFiles)
  func `a bad file`(text: String, message: String) throws {
    let error = #expect(throws: Diagnostic.self) { try ConfigurationReader.read(text) }
    let said = try #require(error).description
    #expect(said == message)
  }

  @Test(arguments: [
    // The second router, and what of it stands in the way of the first.
    (
      "{name: web, interface: eth1, vrid: 9, addresses: [192.0.2.9]}",
      "3:10: the name 'web' is used twice"
    ),
    (
      "{name: b, interface: eth0, vrid: 51, addresses: [192.0.2.9]}",
      "3:36: VRID 51 is already used on eth0 for IPv4 by 'web'; take another VRID or put the "
        + "addresses there"
    ),
    (
      "{name: b, interface: eth0, vrid: 9, addresses: [192.0.2.9, 192.0.2.10/24]}",
      "3:62: 192.0.2.10 already belongs to 'web' on eth0"
    ),
  ])
  func `two routers that can't live together`(second: String, message: String) throws {
    let text = """
      routers:
      - {name: web, interface: eth0, vrid: 51, addresses: [192.0.2.10/24]}
      - \(second)
      """
    let error = #expect(throws: Diagnostic.self) { try ConfigurationReader.read(text) }
    let said = try #require(error).description
    #expect(said == message)
  }

  @Test func `one VRID in both families, and on two interfaces, is fine`() throws {
    let file = try ConfigurationReader.read(
      """
      routers:
      - {name: a, interface: eth0, vrid: 51, addresses: [192.0.2.10/24]}
      - {name: b, interface: eth0, vrid: 51, addresses: ["2001:db8::1/64"]}
      - {name: c, interface: eth1, vrid: 51, addresses: [192.0.2.10/24]}
      """)
    #expect(file.routers.count == 3)
  }
}
