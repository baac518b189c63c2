import ARP
import Testing
import VIP
import VIPCore
import VRRP

@testable import VIPConfiguration

/// A configuration that is written down and read again is the same.
@Suite struct ConfigurationTextTests {
  private func router(
    _ name: String = "web", _ addresses: [String] = ["192.0.2.10/24"], vrid: VRID = 51
  ) throws -> RouterConfiguration {
    RouterConfiguration(
      name: name, interface: "eth0", vrid: vrid,
      addresses: try addresses.map { try #require(InterfaceAddress($0)) })
  }

  private func read(_ configuration: NodeConfiguration) throws -> FileConfiguration {
    try ConfigurationReader.read(ConfigurationText.yaml(configuration))
  }

  @Test func `defaults are left out`() throws {
    let node = NodeConfiguration(
      settings: FileConfiguration.defaultSettings,
      routers: [try router("web", ["192.0.2.10/24", "2001:db8::10/64"])])
    #expect(
      ConfigurationText.yaml(node) == """
        routers:
          - name: web
            interface: eth0
            vrid: 51
            addresses:
              - 192.0.2.10/24
              - 2001:db8::10/64

        """)
    #expect(try read(node).routers == node.routers)
  }

  @Test func `all settings of a router come back`() throws {
    var all = try router("a.b", ["192.0.2.10/24", "192.0.2.11/24"])
    all.priority = Priority(rawValue: 150)
    all.interval = try #require(AdvertisementInterval("250ms"))
    all.preemptDelay = .seconds(30)
    all.checksum = .message
    all.handover = .strict
    all.probes = false
    all.virtualMAC = true
    all.startDelay = .seconds(10)
    all.linkDelay = LinkDelay(up: .seconds(2), down: .milliseconds(100))
    all.holdDown = .seconds(60)
    all.tracks = [Track(interface: "eth1"), Track(interface: "on", decrement: 50)]
    all.hooks = Hooks(active: ["/bin/echo", "a \"b\" & c"])
    all.hooks.timeout = .seconds(5)
    var quiet = try router("quiet", ["192.0.2.20/24"], vrid: 52)
    quiet.preempts = false
    quiet.peers = [try #require(IPAddress("192.0.2.2"))]
    quiet.unicastSource = [try #require(IPAddress("192.0.2.3"))]
    var old = try router("old", ["198.51.100.1/24"], vrid: 53)
    old.version = .v2
    let group = RouterGroup(
      name: "gateway", routers: ["a.b", "old"], tracks: [Track(interface: "eth3")],
      hooks: Hooks(stop: ["/bin/true"]))
    let node = NodeConfiguration(
      settings: FileConfiguration.defaultSettings, routers: [all, quiet, old], groups: [group])
    let file = try read(node)
    #expect(file.routers == node.routers)
    #expect(file.groups == node.groups)
    #expect(file.settings == node.settings)
  }

  @Test func `addresses elsewhere, routes and rules come back`() throws {
    var router = try router("web", ["192.0.2.10/24", "192.0.2.11/24"])
    let second = try #require(IPAddress("192.0.2.11"))
    router.unadvertised = [second]
    router.labels = [second: "eth0:1"]
    router.elsewhere = [
      ElsewhereAddress(
        try #require(InterfaceAddress("192.0.2.20/32")), interface: "lo", isAdvertised: false)
    ]
    var route = VirtualRoute(to: try #require(InterfaceAddress("198.18.5.0/24")))
    route.via = try #require(IPAddress("192.0.2.1"))
    route.interface = "eth0"
    route.metric = 10
    var rule = VirtualRule(table: 100)
    rule.from = try #require(InterfaceAddress("192.0.2.10/32"))
    rule.priority = 1000
    router.routes = [route]
    router.rules = [rule]
    let file = try read(
      NodeConfiguration(settings: FileConfiguration.defaultSettings, routers: [router]))
    #expect(file.routers == [router])
  }

  @Test func `settings of the node come back`() throws {
    var settings = FileConfiguration.defaultSettings
    settings.lease = try #require(LeasePolicy("5s"))
    settings.isGuarded = false
    settings.announcements.burst = 20
    settings.announcements.pauses = [.seconds(2)]
    settings.announcements.refresh = .seconds(60)
    let file = try read(NodeConfiguration(settings: settings, routers: [try router()]))
    #expect(file.settings == settings)
  }

  @Test func `a password is not shown, and checks are named in a comment`() throws {
    var secret = try router()
    secret.version = .v2
    secret.password = try #require(Authentication.Password("s3same!"))
    secret.checks = [CheckUse("nginx", weight: -20)]
    let text = ConfigurationText.yaml(
      NodeConfiguration(settings: FileConfiguration.defaultSettings, routers: [secret]))
    #expect(!text.contains("s3same"))
    #expect(text.contains("    # authentication: the password is not shown\n"))
    #expect(text.contains("    # checks: [nginx=-20], which the node's file defines\n"))
    #expect(throws: Never.self) { try ConfigurationReader.read(text) }
  }

  @Test func `names that mean something else in YAML are quoted`() {
    #expect(YAMLText.scalar("web-1.a_b") == "web-1.a_b")
    #expect(YAMLText.scalar("on") == "\"on\"")
    #expect(YAMLText.scalar("10") == "\"10\"")
    #expect(YAMLText.quoted("a&b\n\"\\") == "\"a\\x26b\\x0a\\\"\\\\\"")
    #expect(YAMLText.value("2001:db8::1") == "\"2001:db8::1\"")
  }
}
