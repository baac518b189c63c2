import Testing

/// `vipctl-kubernetes import`, the program itself.
@Suite struct ImportCommandTests {
  private func imported(_ arguments: [String], input: String = "") throws -> CommandResult {
    try run([Program.path, "import"] + arguments, input: input)
  }

  @Test func `exit codes`() throws {
    let eip = Objects.eip(metadata: Objects.isDefault, protocol: "layer2")
    let all = try imported(["-"], input: eip)
    #expect(all.status == 0)
    #expect(
      all.output.hasPrefix("# From Eip lan, standard input:1.\napiVersion: vipctl.io/v1alpha1\n"))
    #expect(
      all.errors == """
        standard input:8: note: Eip lan: 'protocol: layer2': here the node that serves an address has it \
        on its interface, and VRRP elects that node

        """)

    let some = try imported(["-"], input: eip + "  color: red\n")
    #expect(some.status == 1 && some.output == all.output)
    #expect(
      some.errors.hasSuffix(
        """
        standard input:9: Eip lan: 'color' in spec has no equivalent that is known; look up what it is \
        for, and whether the pool goes without it
        vipctl-kubernetes: 1 thing has no equivalent, see above; check the rest before you use it

        """))

    let none = try imported(
      ["-"], input: Objects.eip("a: 1", "b: 2", metadata: Objects.isDefault, protocol: "bgp"))
    #expect(none.status == 1 && none.output.isEmpty)
    #expect(
      none.errors.hasSuffix(
        "vipctl-kubernetes: 1 thing has no equivalent, see above; no pool could be carried over\n"))

    let stranger = try imported(["-"], input: "hello\n")
    #expect(stranger.status == 65 && stranger.output.isEmpty)
    #expect(
      stranger.errors == """
        vipctl-kubernetes: standard input:1: this is no object of Kubernetes but 'hello'; give objects \
        as 'kubectl get -o yaml' prints them

        """)
  }

  @Test func `files that can't be read`() throws {
    let folder = try TemporaryDirectory()
    try check(["mkdir", folder["folder"]])
    for (name, problem) in [
      ("none", "there is no such file"), ("folder", "is a directory; give the path of a file"),
    ] {
      let result = try imported([folder[name]])
      #expect(result.status == 65 && result.output.isEmpty)
      #expect(result.errors == "vipctl-kubernetes: \(folder[name]): \(problem)\n")
    }
  }

  @Test func `several files, one of them standard input`() throws {
    let folder = try TemporaryDirectory()
    try folder.write(Objects.advertisement("interfaces: [eth0]"), to: "advertisements.yaml")
    let result = try imported(["-", folder["advertisements.yaml"]], input: Objects.pool())
    #expect(result.status == 0 && result.errors.isEmpty)
    #expect(result.output.hasSuffix("  interface: eth0\n"))
  }

  @Test(arguments: [[], ["-", "-"], ["--none", "-"]])
  func `wrong usage`(arguments: [String]) throws {
    let result = try imported(arguments)
    #expect(result.status == 64 && result.output.isEmpty && !result.errors.isEmpty)
  }
}
