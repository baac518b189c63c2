import Glibc
import TestSupport
import Testing

/// `vipctl check`, the program itself.
@Suite struct CheckCommandTests {
  @Test func `a file that others can write is warned of, once`() throws {
    let folder = try TemporaryDirectory()
    try folder.write("#!/bin/sh\n", to: "hook")
    chmod(folder["hook"], 0o755)
    try folder.write(
      "routers: [{interface: lo, vrid: 1, addresses: [192.0.2.9/24], on: "
        + "{active: [\(folder["hook"])]}}]\n", to: "v.yaml")
    chmod(folder["v.yaml"], 0o666)
    let result = try run([VipctlNode.binary, "check", folder["v.yaml"]])
    let warnings = result.errors.split(separator: "\n").filter {
      $0.hasSuffix("so that others could name programs to run as the node's user")
    }
    #expect(warnings.count == 1, "\(result.errors)")
  }

  @Test func `a group's missing program and a check's unknown user are told`() throws {
    let folder = try TemporaryDirectory()
    try folder.write(
      """
      checks:
        - { name: c, command: [/bin/true], user: no-such-user }
        - { name: gw, neighbour: { address: 192.0.2.1, interface: no-such-if } }
      groups:
        - { name: g, routers: [a, b], checks: [c, gw], on: { fault: [/no/such/program] } }
      routers:
        - { name: a, interface: lo, vrid: 1, addresses: [192.0.2.9/24], startDelay: 60s }
        - { name: b, interface: lo, vrid: 2, addresses: [192.0.2.10/24] }

      """, to: "v.yaml")
    let result = try run([VipctlNode.binary, "check", folder["v.yaml"]])
    for text in [
      "there is no program '/no/such/program'; the hook fails until that is mended",
      "there is no user 'no-such-user'; the check 'c' fails until that is mended",
      "there is no interface 'no-such-if'; the check 'gw' fails until there is",
    ] {
      #expect(result.errors.contains(text), "\(result.errors)")
    }
    #expect(result.output.contains("  on fault: /no/such/program (at most 30s)\n"))
    #expect(result.output.contains("not in the first 60s after a start"), "\(result.output)")
  }
}
