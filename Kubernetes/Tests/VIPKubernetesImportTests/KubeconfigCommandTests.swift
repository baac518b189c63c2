import Testing

/// `vipctl-kubernetes run --kubeconfig`, the program itself, as far as files that it refuses.
@Suite struct KubeconfigCommandTests {
  private func started(_ arguments: [String], variable: String? = nil) throws -> CommandResult {
    let variables = ["KUBECONFIG=\(variable ?? "")"]
    return try run(
      ["env", "-u", "KUBERNETES_SERVICE_HOST"] + variables + [Program.path, "run", "--node", "a"]
        + arguments)
  }

  @Test func `a file that runs another program is refused with what to do`() throws {
    let folder = try TemporaryDirectory()
    try folder.write(
      """
      current-context: dev
      contexts: [{name: dev, context: {cluster: lab, user: me}}]
      clusters: [{name: lab, cluster: {server: "https://192.0.2.1:6443"}}]
      users: [{name: me, user: {exec: {command: aws}}}]
      """, to: "config")
    let path = folder["config"]
    let line = """
      vipctl-kubernetes: \(path): user 'me': exec can't be used: no other program is run to get \
      credentials; give a token or a client certificate, such as one of 'kubectl create token'

      """
    for result in [
      try started(["--kubeconfig", path]),
      try started([], variable: "\(folder["none"]):\(path)"),
    ] {
      #expect(result.status == 65 && result.output.isEmpty)
      #expect(result.errors == line)
    }
  }

  @Test func `files that are not there`() throws {
    let folder = try TemporaryDirectory()
    let path = folder["none"]
    let one = try started(["--kubeconfig", path])
    #expect(one.status == 65)
    #expect(one.errors == "vipctl-kubernetes: \(path): there is no such file\n")
    let other = try started([], variable: path)
    #expect(other.status == 65 && other.errors.contains("no such file is there"))
  }

  @Test(
    arguments: [
      ["--kubeconfig", "a", "--server", "https://192.0.2.1"],
      ["--kubeconfig", "a", "--token-file", "b"], ["--context", "a", "--ca-file", "b"],
      ["--context", "a"], [],
    ])
  func `wrong usage`(arguments: [String]) throws {
    let result = try started(arguments)
    #expect(result.status == 64 && result.output.isEmpty && !result.errors.isEmpty)
  }
}
