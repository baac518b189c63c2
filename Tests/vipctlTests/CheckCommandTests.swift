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
}
