import Netlink
import Testing
import VIP
import VIPChecks
import VIPCore
import VRRP

@testable import VIPConfiguration

/// Health checks in files.
@Suite struct CheckFileTests {
  private static let routers = """
    routers:
      - interface: eth0
        vrid: 51
        addresses: [192.0.2.10/24]

    """

  private func read(_ checks: String, uses: String = "") throws -> FileConfiguration {
    try ConfigurationReader.read(
      checks + "\n" + Self.routers + (uses.isEmpty ? "" : "    checks: \(uses)\n"))
  }

  @Test func `every kind of check, with all its keys`() throws {
    let file = try read(
      """
      checks:
        - name: nginx
          command: [/usr/bin/pgrep, -x, nginx]
          interval: 2s
          timeout: 500ms
          rise: 2
          fall: 3
          initially: failed
          user: www-data:daemon
        - name: api
          http:
            { url: "https://127.0.0.1:6443/readyz", status: [200, 204], contains: ok, host: a.b,
              ca: /ca.pem }
        - { name: plain, http: http://127.0.0.1/ }
        - { name: any, http: { url: https://127.0.0.1/, insecure: true, status: 301 } }
        - { name: db, tcp: "127.0.0.1:5432" }
        - { name: db6, tcp: "[::1]:5432" }
        - { name: drain, file: /run/vip.weight, initially: passed }
        - { name: some, process: { name: haproxy, count: 2 } }
        - { name: one, process: haproxy }
        - { name: pid, process: { pidFile: /run/haproxy.pid } }
        - { name: tunnel, interface: tun0 }
        - { name: uplink, route: { destination: 0.0.0.0/0, interface: eth1, table: 254 } }
        - { name: gateway, neighbour: { address: 192.0.2.1, interface: eth1 } }
      """,
      uses: "[nginx, {check: api, weight: -20}, {check: db, weight: 5}, {check: db6, weight: 0}]")
    var secure = HTTPRequest(
      "https://127.0.0.1:6443/readyz", statuses: [200, 204], contains: "ok", host: "a.b")
    secure.certificates = "/ca.pem"
    let v4 = IPAddress.v4(IPv4Address(127, 0, 0, 1))
    #expect(
      file.checks == [
        Check(
          name: "nginx", .command(["/usr/bin/pgrep", "-x", "nginx"], user: "www-data:daemon"),
          interval: .seconds(2), timeout: .milliseconds(500), rise: 2, fall: 3,
          initially: .failing),
        Check(name: "api", .http(secure)),
        Check(name: "plain", .http(HTTPRequest("http://127.0.0.1/"))),
        Check(
          name: "any",
          .http(HTTPRequest("https://127.0.0.1/", statuses: [301], isInsecure: true))),
        Check(name: "db", .tcp(v4, port: 5432)),
        Check(name: "db6", .tcp(try #require(IPAddress("::1")), port: 5432)),
        Check(name: "drain", .file(path: "/run/vip.weight"), initially: .passing),
        Check(name: "some", .process(.named("haproxy", count: 2))),
        Check(name: "one", .process(.named("haproxy", count: 1))),
        Check(name: "pid", .process(.inFile("/run/haproxy.pid"))),
        Check(name: "tunnel", .interface("tun0")),
        Check(
          name: "uplink",
          .route(
            Check.RouteSelector(
              destination: .any(.ipv4), prefixLength: 0, interface: "eth1", table: 254))),
        Check(
          name: "gateway",
          .neighbour(.v4(IPv4Address(192, 0, 2, 1)), interface: "eth1")),
      ])
    #expect(
      file.routers[0].checks == [
        CheckUse("nginx"), CheckUse("api", weight: -20), CheckUse("db", weight: 5),
        CheckUse("db6"),
      ])
  }

  private static func check(_ rest: String) -> String { "checks:\n  - {name: a, \(rest)}" }

  @Test(arguments: [
    ("checks: x", "1:9: 'checks' is a list, such as "),
    ("checks:\n  - {file: /a}", "2:5: this check has no 'name', by which routers use it"),
    (check("interval: 1s"), "2:5: the check 'a' looks at nothing; give one of 'command', 'http'"),
    (check("file: /a, interface: b"), "make two checks of 'file' and 'interface'"),
    (check("command: [pgrep, x]"), "2:24: 'pgrep' is not an absolute path; commands are run"),
    (check("command: []"), "2:24: the command has no program"),
    (check("command: pgrep"), "2:24: 'command' is a list"),
    (check("file: run"), "2:21: 'run' is not an absolute path"),
    (check("file: /a, user: www-data"), "2:5: only a check with 'command' has a 'user'"),
    (check("command: [/a], user: 'a:b:c'"), "'a:b:c' is no user; write NAME or NAME:GROUP"),
    (check("file: /a, interval: 1"), "2:35: '1' has no unit; write 1s"),
    (check("file: /a, interval: 10ms"), "'10ms' is not an interval of a check; give 100ms to 1h"),
    (check("file: /a, timeout: 2h"), "'2h' is not a time limit; give 10ms to 1h"),
    (check("file: /a, rise: 0"), "'0' is not a number of results; give 1 to 1000"),
    (check("file: /a, initially: up"), "'up' is not a first state; give failed, passed or unknown"),
    (check("file: /a, fail: 3"), "unknown key 'fail' in a check; did you mean 'fall'?"),
    (check("tcp: localhost:80"), "'localhost:80' is not an address and a port; write 127.0.0.1:"),
    (check("tcp: '::1:80'"), "'::1:80' is not an address and a port"),
    (check("tcp: '127.0.0.1:0'"), "'127.0.0.1:0' is not an address and a port"),
    (check("http: ftp://x/"), "'ftp://x/' is no address of the form http://… or https://…"),
    (check("http: 'http://'"), "2:21: 'http://' names no host, or a port that is none"),
    (check("http: 'https:///readyz'"), "'https:///readyz' names no host"),
    (check("http: 'http://:80/'"), "'http://:80/' names no host"),
    (check("http: 'http://a:70000/'"), "'http://a:70000/' names no host, or a port that is none"),
    (check("http: 'http://[]:80/'"), "'http://[]:80/' names no host"),
    (check("http: {status: 200}"), "'http' needs a 'url'"),
    (check("http: {url: http://x/, status: 999}"), "'999' is not a status code of HTTP"),
    (
      check("http: {url: https://x/, ca: /a, insecure: true}"),
      "'ca' and 'insecure' exclude each other"
    ),
    (check("process: {}"), "'process' needs either a 'name' or a 'pidFile'"),
    (check("process: {pidFile: /a, count: 2}"), "leave 'count' out"),
    (check("route: {interface: eth1}"), "'route' needs a 'destination'"),
    (check("route: {destination: 0.0.0.0/33}"), "'0.0.0.0/33' is not a destination"),
    (
      check("route: {destination: 192.0.2.5/24}"),
      "2:22: 192.0.2.5/24 has bits behind its prefix, which no route has; write 192.0.2.0/24"
    ),
    (
      check("route: {destination: '2001:db8::1/64'}"),
      "2001:db8::1/64 has bits behind its prefix, which no route has; write 2001:db8::/64"
    ),
    (check("route: {destination: '::/0', table: 0}"), "'0' is not the number of a routing table"),
    (check("neighbour: {address: 192.0.2.1}"), "'neighbour' needs an 'address' and an 'interface'"),
    (check("interface: a/b"), "'a/b' can't be the name of an interface"),
    ("checks:\n  - {name: a/b, file: /a}", "the name 'a/b' is not usable"),
    (check("file: /a") + "\n  - {name: a, file: /b}", "3:5: the name 'a' is used twice"),
  ])
  func `what is wrong with a check is said with its place`(text: String, error: String) throws {
    do {
      _ = try read(text)
      Issue.record("'\(text)' is taken")
    } catch let diagnostic as Diagnostic {
      #expect(diagnostic.description.contains(error), "\(diagnostic)")
    }
  }

  @Test(arguments: [
    ("[web]", "7:14: there is no check 'web'; did you mean 'web1'?"),
    ("[nosuchthing]", "7:14: there is no check 'nosuchthing'; known: web1"),
    ("[web1, web1]", "7:20: the check 'web1' is used twice; name it once"),
    ("[{check: web1, weight: 255}]", "'255' is not a weight; give a number from -254 to 254"),
    ("[{check: web1, weight: -255}]", "'-255' is not a weight; give a number from -254 to 254"),
    ("[{weight: 3}]", "an entry of 'checks' needs a 'check'"),
    ("[{check: web1, weight: '3'}]", "'weight' is a number, found text; remove the quotes"),
    ("web1", "'checks' is a list, such as [nginx]; found 'web1'"),
  ])
  func `what is wrong with the use of one is said with its place`(
    uses: String, error: String
  ) throws {
    do {
      _ = try read("checks:\n  - {name: web1, file: /a}", uses: uses)
      Issue.record("'\(uses)' is taken")
    } catch let diagnostic as Diagnostic {
      #expect(diagnostic.description.contains(error), "\(diagnostic)")
    }
  }

  @Test func `an owner's checks have no weight`() throws {
    var router = RouterConfiguration(
      interface: "eth0", vrid: try #require(VRID(exactly: 1)), priority: .owner,
      addresses: [try #require(InterfaceAddress("192.0.2.1/24"))], checks: [CheckUse("a")])
    try router.validate()
    router.checks = [CheckUse("a", weight: -5)]
    #expect(throws: ConfigurationError.self) { try router.validate() }
  }

  @Test func `programs that are missing wait, and a check that is not used is told`() throws {
    var routers: [PlacedRouter] = []
    var checks: [PlacedCheck] = []
    let text =
      "checks:\n  - {name: web, command: [/no/such/program]}\n  - {name: idle, interface: lo}\n"
      + Self.routers + "    checks: [web]\n"
    let file = try ConfigurationReader.read(
      text, router: { routers.append($0) }, check: { checks.append($0) })
    let remarks = HealthCheckRemarks.remarks(checks, routers)
    #expect(
      remarks.map { $0.line(in: "f") } == [
        "f:2:5: there is no program '/no/such/program'; the check 'web' fails until that is fixed",
        "f:3:5: no router uses the check 'idle', so that it is not run",
      ])
    #expect(remarks.map(\.kind) == [.waits, .note])
    #expect(
      HealthCheckRemarks.plan(file) == [
        "check web: command /no/such/program, every 1s, at most 1s"
      ])
    let trial = try HealthCheckRemarks.trial(file)
    #expect(trial.count == 2)
    #expect(trial.first?.hasPrefix("check web: could-not-start: can't be started") == true)
    #expect(trial.last == "  eth0-51 would leave the election")
  }

  @Test(arguments: [
    "http://a", "https://a:6443/readyz?x=//", "http://[::1]:80/", "https://[::1]",
    "http://me:secret@a.b:80/",
  ])
  func `addresses of HTTP that name a host`(url: String) throws {
    try Check(name: "a", .http(HTTPRequest(url))).validate()
  }

  @Test func `what a check needs and the machine lacks is told`() throws {
    var routers: [PlacedRouter] = []
    var checks: [PlacedCheck] = []
    let text =
      """
      checks:
        - { name: user, command: [/bin/true], user: no-such-user }
        - { name: group, command: [/bin/true], user: "root:no-such-group" }
        - { name: good, command: [/bin/true], user: root }
        - { name: ca, http: { url: "https://127.0.0.1/", ca: /no/such/ca.pem } }
        - { name: folder, http: { url: "https://127.0.0.1/", ca: /etc } }
        - { name: gw, neighbour: { address: 192.0.2.1, interface: eth9 } }
        - { name: route, route: { destination: 0.0.0.0/0, interface: eth9 } }
        - { name: near, neighbour: { address: 192.0.2.1, interface: eth0 } }
        - { name: tunnel, interface: tun0 }

      """ + Self.routers
      + "    checks: [user, group, good, ca, folder, gw, route, near, tunnel]\n"
    _ = try ConfigurationReader.read(
      text, router: { routers.append($0) }, check: { checks.append($0) })
    let machine = MachineCheck(
      links: [Link(index: 2, name: "eth0")], addresses: [], kernel: KernelSettings { _ in nil })
    let mended = "fails until that is mended"
    let told = HealthCheckRemarks.remarks(checks, routers, machine: machine)
      // Whether there is a curl depends on the machine.
      .filter { !$0.text.contains("curl") }
    #expect(
      told.map { "\($0.kind.rawValue) \($0.line(in: "f"))" } == [
        "waits f:2:5: there is no user 'no-such-user'; the check 'user' \(mended)",
        "waits f:3:5: there is no group 'no-such-group'; the check 'group' \(mended)",
        "waits f:5:5: there is no file '/no/such/ca.pem'; the check 'ca' \(mended)",
        "waits f:6:5: '/etc' is no ordinary file; the check 'folder' \(mended)",
        "waits f:7:5: there is no interface 'eth9'; the check 'gw' fails until there is",
        "waits f:8:5: there is no interface 'eth9'; the check 'route' fails until there is",
        "note f:10:5: there is no interface 'tun0' now, so that the check 'tunnel' fails",
      ])
  }
}
