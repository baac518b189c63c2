import Testing
import VIP
import VIPConfiguration
import VIPCore

@testable import VIPService

/// What a process tells of the machine while its node runs.
@Suite struct MachineWatchTests {
  @Test func `each fault is told once, and nothing that the node tells itself`() throws {
    let router = RouterConfiguration(
      interface: "eth0", vrid: 1, addresses: [try #require(InterfaceAddress("2001:db8::9/64"))])
    func remark(
      _ text: String, _ fault: MachineFault?, router: String? = router.name
    ) -> MachineCheck.Remark {
      MachineCheck.Remark(kind: .warning, text: text, router: router, fault: fault)
    }
    let (node, routers) = MachineWatch.faults(
      [
        remark("2 processes", .processes, router: nil),
        remark("1 file", .openFiles, router: nil),
        remark("no carrier", nil),
        remark("no program", .unusableProgram(path: "/bin/up")),
        remark("no program either", .unusableProgram(path: "/bin/up")),
        remark("no program", .unusableProgram(path: "/bin/down")),
        remark("of a router that has gone", .openFiles, router: "gone"),
      ], of: [router])
    #expect(node.map(\.fault) == [.openFiles, .processes])
    #expect(node.map(\.text) == ["1 file", "2 processes"])
    #expect(
      routers == [
        Problem(
          .machine(.unusableProgram(path: "/bin/up")), router: router.name, family: .ipv6,
          "no program"),
        Problem(
          .machine(.unusableProgram(path: "/bin/down")), router: router.name, family: .ipv6,
          "no program"),
      ])
  }
}
