import TestSupport
import Testing
import VIP
import VIPCore
import VRRP

@testable import VIPConfiguration
@testable import VIPImport

/// Translating configurations of keepalived: what has an equivalent.
@Suite struct KeepalivedImportTests: ImportSuite {
  // MARK: A whole file

  @Test func `everything that has an equivalent`() throws {
    let result = try imported(
      """
      ! Configuration File for keepalived
      global_defs {
          router_id LVS_DEVEL   # only a name
      }
      vrrp_instance VI_1 {
          state BACKUP
          interface eth0
          virtual_router_id 51
          priority 150
          advert_int 2
          preempt_delay 4.5
          authentication {
              auth_type PASS
              auth_pass "s3cret&*\\""
          }
          virtual_ipaddress {
              192.0.2.10/24 brd 192.0.2.255 dev eth0 scope global
              192.0.2.11/24 brd +
          }
          track_interface {
              eth0
          }
      }
      vrrp_instance VI_6 {
          version 3
          interface eth0.100
          virtual_router_id 51
          nopreempt
          advert_int 0.25
          virtual_ipaddress {
              fe80::10/64
              2001:db8::10/64 -nodad
          }
      }
      """)
    #expect(
      result.remarks.map(\.text) == [
        "'eth0' is left out: a router always waits while its own interface is down, and keepalived "
          + "ignores a weight there"
      ])
    #expect(result.remarks.map(\.kind) == [.note])
    let lines = result.yaml.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(
      lines.dropFirst().joined(separator: "\n") == """
        routers:
          - name: VI_1                      # k.conf:5: vrrp_instance VI_1 {
            interface: eth0                 # k.conf:7: interface eth0
            vrid: 51                        # k.conf:8: virtual_router_id 51
            priority: 150                   # k.conf:9: priority 150
            interval: 2s                    # k.conf:10: advert_int 2
            version: 2                      # keepalived's default
            preempt: { delay: 4.5s }        # k.conf:11: preempt_delay 4.5
            authentication: { password: "s3cret\\x26\\x2a" } # k.conf:14
            addresses:
              - 192.0.2.10/24               # k.conf:17: 192.0.2.10/24 brd 192.0.2.255 dev eth0 \
        scope global
              - 192.0.2.11/24               # k.conf:18: 192.0.2.11/24 brd +

          - name: VI_6                      # k.conf:24: vrrp_instance VI_6 {
            interface: eth0.100             # k.conf:26: interface eth0.100
            vrid: 51                        # k.conf:27: virtual_router_id 51
            interval: 250ms                 # k.conf:29: advert_int 0.25
            preempt: false                  # k.conf:28: nopreempt
            addresses:
              - fe80::10/64                 # k.conf:31: fe80::10/64
              - 2001:db8::10/64             # k.conf:32: 2001:db8::10/64 -nodad

        """)
    let routers = try ConfigurationReader.read(result.yaml).routers
    #expect(routers == result.routers.map(\.configuration))
    #expect(routers[0].version == .v2 && routers[1].version == .v3)
    #expect(routers[0].password == Authentication.Password("s3cret&*"))
    #expect(routers[0].preemptDelay == .milliseconds(4500) && !routers[1].preempts)
    #expect(routers.map(\.interval.description) == ["2s", "250ms"])
  }

  // MARK: Single settings

  @Test func `tracked interfaces`() throws {
    let lines = "track_interface {\neth0\neth1\neth2 weight -60\neth3 weight 0\n}\n"
    let router = try router(Self.instance(lines))
    #expect(
      router.tracks == [
        Track(interface: "eth1"), Track(interface: "eth2", decrement: 60), Track(interface: "eth3"),
      ])
    #expect(
      try imported(Self.instance(lines)).yaml.contains(
        "track: [eth1, { interface: eth2, decrement: 60 }, eth3] # "))
  }

  @Test func `unicast peers`() throws {
    let result = try imported(Self.instance("unicast_peer {\n192.0.2.2\n192.0.2.3\n}\n"))
    #expect(result.remarks == [])
    let router = try #require(ConfigurationReader.read(result.yaml).routers.first)
    #expect(router.peers.map(\.description) == ["192.0.2.2", "192.0.2.3"])
  }

  @Test func `a weight that raises is a higher priority that can fall`() throws {
    let router = try router(Self.instance("priority 150\ntrack_interface {\neth1 weight 20\n}"))
    #expect(router.priority.rawValue == 170)
    #expect(router.tracks == [Track(interface: "eth1", decrement: 20)])
    let result = try imported(Self.instance("track_interface {\neth1 weight 20\n}"))
    #expect(result.yaml.contains("priority: 120 "))
    #expect(try ConfigurationReader.read(result.yaml).routers.first?.priority.rawValue == 120)
  }

  @Test func `weights that raise beyond 254 are still there when others take something off`() throws
  {
    let lines = "priority 240\ntrack_interface {\neth1 weight 30\neth2 weight -30\n}"
    let result = try imported(Self.instance(lines))
    let router = try #require(ConfigurationReader.read(result.yaml).routers.first)
    // 254 with both, 240 without one of them, 210 without both, as keepalived counts.
    #expect(router.priority.rawValue == 240)
    #expect(router.tracks == [Track(interface: "eth2", decrement: 30)])
    #expect(router.checks == [CheckUse("eth1-up", weight: 30)])
    #expect(result.yaml.contains("file: /sys/class/net/eth1/carrier"))
    let two = try self.router(
      Self.instance("priority 200\ntrack_interface {\neth1 weight 30\neth2 weight 24\n}"))
    #expect(two.priority.rawValue == 254 && two.tracks.map(\.decrement) == [30, 24])
    let script = "vrrp_script s {\nscript /bin/a\nweight -9\n}"
    let beside = try imported(
      script
        + Self.instance(
          "priority 240\ntrack_script {\ns\n}\ntrack_interface {\neth1 weight 30\n}"))
    #expect(beside.routers.first?.checks.map(\.weight) == [30, -9])
    #expect(beside.routers.first?.configuration.priority.rawValue == 240)
  }

  @Test func `a virtual MAC address`() throws {
    #expect(try router(Self.instance("")).virtualMAC == false)
    let result = try imported(Self.instance("use_vmac"))
    #expect(result.yaml.contains("    virtualMac: true "))
    #expect(try router(Self.instance("use_vmac vrrp.51")).virtualMAC)
    let owner = try imported(Self.instance("use_vmac\npriority 255"))
    #expect(owner.routers.first?.configuration.virtualMAC == false)
    #expect(owner.remarks.contains { $0.text.hasPrefix("'use_vmac' is left out; an owner's") })
  }

  @Test func `versions`() throws {
    #expect(try router(Self.instance("")).version == .v2)
    #expect(try router(Self.instance("version 3")).version == .v3)
    let global = "global_defs {\n vrrp_version 3\n}"
    #expect(try router(Self.instance("", before: global)).version == .v3)
    #expect(try router(Self.instance("version 2", before: global)).version == .v2)
    let ipv6 =
      "vrrp_instance a {\ninterface e\nvirtual_router_id 1\nversion 2\n"
      + "virtual_ipaddress {\nfe80::1/64\n}\n}\n"
    #expect(try router(ipv6).version == .v3, "as keepalived takes it")
  }

  @Test func `what keepalived ignores is not carried over`() throws {
    let router = try router(Self.instance("state MASTER\nnopreempt\npreempt_delay 9"))
    #expect(router.preempts && router.preemptDelay == .zero)
    #expect(router.priority == .owner, "what keepalived takes without a priority")
    #expect(try self.router(Self.instance("nopreempt\npreempt")).preempts, "the later one holds")
    #expect(try self.router(Self.instance("preempt\nnopreempt")).preempts == false)
    #expect(try self.router(Self.instance("virtual_ipaddress {\n::1\n}")).addresses.count == 1)
  }

  @Test func `passwords are cut to eight characters, as keepalived does`() throws {
    let text = "authentication {\nauth_type PASS\nauth_pass 123456789\n}"
    #expect(try router(Self.instance(text)).password == Authentication.Password("12345678"))
    let result = try imported(Self.instance(text))
    #expect(!result.yaml.contains("auth_pass"), "written once")
  }

  @Test func `scripts become hooks`() throws {
    let hooks = try router(
      Self.instance(
        """
        notify_master "/bin/up 'a b' *c \\"d\\""
        notify_backup /bin/down
        notify_fault "/bin/down {"
        """)
    ).hooks
    #expect(hooks.active == ["/bin/up", "a b", "*c", "d"])
    #expect(hooks.backup == ["/bin/down"])
    #expect(hooks.fault == ["/bin/down", "{"])
    #expect(hooks.stop.isEmpty)
  }

  @Test func `one script for all gets what keepalived gives it`() throws {
    let hooks = try router(Self.instance("priority 150\nnotify \"/bin/all -v\"")).hooks
    #expect(
      hooks.active == ["/bin/all", "-v", "INSTANCE", "web", "MASTER", "150"])
    #expect(hooks.states == Settlement.State.allCases)
    #expect(hooks.stop.suffix(2) == ["STOP", "150"])
  }

  @Test func `a script is told the priority as it is where that can change`() throws {
    let current = ["/bin/sh", "-c", "exec \"$@\" \"$VIPCTL_EFFECTIVE_PRIORITY\"", "sh"]
    let tracked = "priority 150\nnotify /bin/all\ntrack_interface {\neth1 weight -5\n}"
    #expect(
      try router(Self.instance(tracked)).hooks.active
        == current + ["/bin/all", "INSTANCE", "web", "MASTER"])
    let both = try router(Self.instance(tracked + "\nnotify_master /bin/m")).hooks
    #expect(
      both.active == [
        "/bin/sh", "-c",
        "'/bin/m' & p=$!; '/bin/all' 'INSTANCE' 'web' 'MASTER' \"$VIPCTL_EFFECTIVE_PRIORITY\"; "
          + "r=$?; wait $p && exit $r",
      ])
    let script = "vrrp_script s {\nscript /bin/a\nweight 9\n}\n"
    let checked = try imported(script + Self.instance("notify /bin/all\ntrack_script {\ns\n}"))
    #expect(
      try ConfigurationReader.read(checked.yaml).routers.first?.hooks.stop.prefix(4)
        == current[...])
    let plain = try router(Self.instance("notify /bin/all\ntrack_interface {\neth1\n}")).hooks
    #expect(plain.active == ["/bin/all", "INSTANCE", "web", "MASTER", "100"])
  }
}
