import ARP
import Testing
import VIPCore
import VRRP

@testable import VIP

/// The tables of settings: nothing that can be said about a router or a node is missing in them.
@Suite struct SettingTests {
  private static func router() throws -> RouterConfiguration {
    RouterConfiguration(
      name: "web", interface: "eth0", vrid: 51,
      addresses: [try #require(InterfaceAddress("192.0.2.10/24"))])
  }

  /// For each stored property another value, the setting that it belongs to, what is said of the
  /// difference, and whether it takes another router.
  private static let changes:
    [String: (
      RouterSetting, @Sendable (inout RouterConfiguration) throws -> Void, String, ChangeKind
    )] = [
      "name": (.name, { $0.name = "db" }, "name web → db", .inPlace),
      "interface": (
        .interface, { $0.interface = "eth1" }, "interface eth0 → eth1", .replacement
      ),
      "vrid": (.vrid, { $0.vrid = 52 }, "VRID 51 → 52", .replacement),
      "priority": (
        .priority, { $0.priority = .highestBackup }, "priority 100 → 254", .inPlace
      ),
      "interval": (
        .interval, { $0.interval = try #require(AdvertisementInterval("250ms")) },
        "interval 1s → 250ms", .inPlace
      ),
      "addresses": (
        .addresses, { $0.addresses = [try #require(InterfaceAddress("192.0.2.11/24"))] },
        "new: 192.0.2.11/24; gone: 192.0.2.10/24", .inPlace
      ),
      "preempts": (.preempt, { $0.preempts = false }, "preempt true → false", .inPlace),
      "preemptDelay": (
        .preempt, { $0.preemptDelay = .seconds(30) }, "preemption delay 0s → 30s", .inPlace
      ),
      "version": (.version, { $0.version = .v2 }, "version 3 → 2", .replacement),
      "checksum": (
        .checksum, { $0.checksum = .message }, "checksum auto → message", .inPlace
      ),
      "password": (
        .authentication, { $0.password = Authentication.Password("sesame") }, "another password",
        .inPlace
      ),
      "handover": (
        .handover, { $0.handover = .strict }, "handover seamless → strict", .inPlace
      ),
      "probes": (.probe, { $0.probes = false }, "probe true → false", .inPlace),
      "virtualMAC": (
        .virtualMAC, { $0.virtualMAC = true }, "virtual MAC address false → true", .replacement
      ),
      "startDelay": (
        .startDelay, { $0.startDelay = .seconds(10) }, "start delay 0s → 10s", .inPlace
      ),
      "linkDelay": (
        .linkDelay, { $0.linkDelay.up = .seconds(2) },
        "link delay up 0s, down 0s → up 2s, down 0s", .inPlace
      ),
      "holdDown": (.holdDown, { $0.holdDown = .seconds(30) }, "hold-down 0s → 30s", .inPlace),
      "tracks": (
        .track, { $0.tracks = [Track(interface: "eth1", decrement: 5)] }, "track none → eth1=5",
        .inPlace
      ),
      "checks": (
        .checks, { $0.checks = [CheckUse("web"), CheckUse("load", weight: -5)] },
        "checks none → web load=-5", .inPlace
      ),
      "peers": (
        .peers, { $0.peers = [try #require(IPAddress("192.0.2.2"))] }, "peers none → 192.0.2.2",
        .inPlace
      ),
      "unadvertised": (
        .addresses, { $0.unadvertised = [try #require(IPAddress("192.0.2.10"))] },
        "not advertised: 192.0.2.10", .inPlace
      ),
      "elsewhere": (
        .addresses,
        {
          let address = try #require(InterfaceAddress("192.0.2.12/32"))
          $0.elsewhere = [ElsewhereAddress(address, interface: "lo")]
        }, "addresses elsewhere none → 192.0.2.12/32 on lo", .inPlace
      ),
      "labels": (
        .addresses, { $0.labels = [try #require(IPAddress("192.0.2.10")): "eth0:1"] },
        "labels of addresses", .inPlace
      ),
      "unicastSource": (
        .unicastSource, { $0.unicastSource = [try #require(IPAddress("192.0.2.1"))] },
        "unicast source none → 192.0.2.1", .inPlace
      ),
      "multicastGroups": (
        .multicastGroup, { $0.multicastGroups = [try #require(IPAddress("224.0.0.100"))] },
        "multicast group none → 224.0.0.100", .replacement
      ),
      "routes": (
        .routes, { $0.routes = [try #require(VirtualRoute("10.0.0.0/8 dev eth1"))] },
        "routes none → 10.0.0.0/8 dev eth1", .inPlace
      ),
      "rules": (
        .rules, { $0.rules = [try #require(VirtualRule("fwmark 7 table 100 priority 5"))] },
        "rules none → fwmark 7 table 100 priority 5", .inPlace
      ),
      "hooks": (
        .hooks,
        {
          $0.hooks.active = ["/bin/true", "secret"]
          $0.hooks.timeout = .seconds(5)
        }, "hooks: active; time limit of hooks 30s → 5s", .inPlace
      ),
    ]

  @Test func `every property of a router belongs to a setting, and every setting has one`() throws {
    let properties = Mirror(reflecting: try Self.router()).children.compactMap(\.label)
    #expect(Set(properties) == Set(Self.changes.keys))
    #expect(Set(Self.changes.values.map(\.0)) == Set(RouterSetting.allCases))
  }

  @Test(arguments: changes.keys.sorted())
  func `a difference is told by its setting alone, and takes what the table says`(
    property: String
  ) throws {
    let (setting, change, words, kind) = try #require(Self.changes[property])
    let old = try Self.router()
    var new = old
    try change(&new)
    #expect(old.difference(to: new) == words)
    #expect(old.change(to: new) == kind)
    for other in RouterSetting.allCases {
      let isTold = !other.declaration.differences(old, new).isEmpty
      #expect(isTold == (other == setting), "\(other)")
    }
    #expect(ChangeReport.Change(from: old, to: new).settings == [setting])
    #expect(old.difference(to: old) == "" && new.difference(to: new) == "")
  }

  @Test func `an owner is another router`() throws {
    let old = try Self.router()
    var owner = old
    owner.priority = .owner
    #expect(old.change(to: owner) == .replacement && owner.change(to: old) == .replacement)
  }

  @Test func `no key stands for two settings`() {
    let keys = RouterSetting.allCases.map(\.key)
    #expect(Set(keys).count == keys.count)
  }

  // MARK: The node

  private static let nodeChanges:
    [String: (NodeSetting, @Sendable (inout NodeSettings) -> Void, String)] = [
      "lease": (.lease, { $0.lease = .off }, "lease auto → off"),
      "isGuarded": (.guard, { $0.isGuarded = true }, "guard off → on"),
      "isRealtime": (.realtime, { $0.isRealtime = true }, "realtime off → on"),
      "announcements": (
        .announcements, { $0.announcements.maximumRate = 5 },
        "announcements 10000/s, 500 at once, repeated after 1s 2s, refreshed never → 5/s, 500 at "
          + "once, repeated after 1s 2s, refreshed never"
      ),
    ]

  @Test func `every property of a node belongs to a setting, and every setting has one`() {
    let properties = Mirror(reflecting: NodeSettings()).children.compactMap(\.label)
    #expect(Set(properties) == Set(Self.nodeChanges.keys))
    #expect(Set(Self.nodeChanges.values.map(\.0)) == Set(NodeSetting.allCases))
  }

  @Test(arguments: nodeChanges.keys.sorted())
  func `a difference between nodes is told`(property: String) throws {
    let (setting, change, words) = try #require(Self.nodeChanges[property])
    let old = NodeSettings()
    var new = old
    change(&new)
    #expect(old.differences(to: new) == [words])
    let typed = ChangeReport.NodeChange(from: old, to: new)
    #expect(typed.settings == [setting] && typed.description == words)
    #expect(old.differences(to: old) == [])
  }
}
