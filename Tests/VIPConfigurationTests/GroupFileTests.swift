import TestSupport
import Testing
import VIP

@testable import VIPConfiguration

/// Groups in configuration files.
@Suite struct GroupFileTests {
  private static let routers = """
    routers:
      - { name: inside, interface: eth0, vrid: 51, addresses: [192.0.2.10/24] }
      - { name: outside, interface: eth1, vrid: 52, addresses: [198.51.100.10/24] }
      - { name: web, interface: eth0, vrid: 53, addresses: [192.0.2.20/24, 2001:db8::20/64] }
      - { name: own, interface: eth1, vrid: 54, priority: 255, addresses: [198.51.100.1/24] }

    """

  @Test func `a file names the routers that move together`() throws {
    let file = try ConfigurationReader.read(
      Self.routers + """
        groups:
          - name: gateway
            routers: [inside, outside]
            track: [eth2, { interface: eth3, decrement: 20 }]
            on: { active: [/bin/true, now], timeout: 5s }
          - { name: web, routers: [web] }
        """)
    #expect(
      file.groups == [
        RouterGroup(
          name: "gateway", routers: ["inside", "outside"],
          tracks: [Track(interface: "eth2"), Track(interface: "eth3", decrement: 20)],
          hooks: Hooks(active: ["/bin/true", "now"], timeout: .seconds(5))),
        RouterGroup(name: "web", routers: ["web"]),
      ])
    #expect(file.node.groups == file.groups)
    try file.node.validate()
  }

  @Test func `the programs of a group are looked at, and are in the plan`() throws {
    var routers: [PlacedRouter] = []
    var groups: [PlacedGroup] = []
    let text =
      Self.routers + """
        groups:
          - name: gateway
            routers: [inside, outside]
            on: { active: [/no/such/program, a b], timeout: 5s }
        """
    let file = try ConfigurationReader.read(
      text, router: { routers.append($0) }, group: { groups.append($0) })
    let machine = MachineCheck(links: [], addresses: [], kernel: KernelSettings { _ in nil })
    #expect(
      machine.remarks(file, routers, groups: groups).map { $0.line(in: "f") }.contains(
        "f:9:20: there is no program '/no/such/program'; the hook fails until that is mended"))
    #expect(
      machine.plan(file).contains("  on active: /no/such/program 'a b' (at most 5s)"))
    let folder = try TemporaryDirectory()
    try folder.write(text, to: "f.yaml")
    let failure = #expect(throws: FileError.self) {
      try ConfigurationFile.load(folder["f.yaml"])
    }
    #expect(
      failure?.description.hasSuffix("f.yaml:9:20: there is no program '/no/such/program'") == true)
    #expect(try ConfigurationFile.load(folder["f.yaml"], unready: .wait).groups == file.groups)
  }

  @Test func `a check of a group is one of each of its routers`() throws {
    let checks = """
      checks:
        - { name: nginx, command: [/bin/true] }
        - { name: load, file: /run/load }

      """
    let file = try ConfigurationReader.read(
      checks + Self.routers + """
        groups:
          - name: gateway
            routers: [inside, outside]
            checks: [nginx, { check: load, weight: -20 }]
        """)
    #expect(
      file.routers.map { $0.checks.map(\.description) } == [
        ["nginx", "load=-20"], ["nginx", "load=-20"], [], [],
      ])
    #expect(throws: Diagnostic.self) {
      try ConfigurationReader.read(
        Self.routers + "groups:\n  - { name: g, routers: [inside, outside], checks: [nginx] }")
    }
  }

  @Test(
    "What is wrong with a group is told where it stands",
    arguments: [
      ("- { routers: [inside, outside] }", "7:5: this group has no 'name'"),
      ("- { name: g }", "7:5: this group has no 'routers'"),
      ("- { name: g, routers: [inside, nowhere] }", "7:34: no router is called 'nowhere'"),
      ("- { name: g, routers: [inside, inside] }", "7:34: 'inside' is in the group twice"),
      ("- { name: g, routers: [inside] }", "7:25: only one virtual router is in the group"),
      ("- { name: g, routers: [inside, own] }", "7:34: 'own' owns its addresses"),
      ("- { name: g, router: [inside] }", "did you mean 'routers'?"),
      ("- { name: 'a b', routers: [inside, outside] }", "7:13: the name 'a b' is not usable"),
      (
        "- { name: g, routers: [inside, outside] }\n  - { name: h, routers: [outside, web] }",
        "8:26: 'outside' is in the group 'g' already"
      ),
      (
        "- { name: g, routers: [inside, outside] }\n  - { name: g, routers: [web] }",
        "8:13: there are two groups named 'g'"
      ),
      ("- { name: g, routers: [inside, outside], on: { fault: [sh] } }", "is not an absolute path"),
      (
        "- { name: g, routers: [inside, outside], track: [a/b] }",
        "can't be the name of an interface"
      ),
    ])
  func wrong(_ group: String, _ text: String) throws {
    do throws(Diagnostic) {
      _ = try ConfigurationReader.read(Self.routers + "groups:\n  " + group + "\n")
      Issue.record("accepted")
    } catch {
      #expect(error.description.contains(text), "\(error)")
    }
  }
}
