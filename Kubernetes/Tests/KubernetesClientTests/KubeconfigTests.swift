import FoundationEssentials
import Kubeconfig
import KubernetesClient
import Testing

/// Files as kubectl writes them, good, bad and hostile.
@Suite(.timeLimit(.minutes(3))) struct KubeconfigTests {
  /// A file with one context.
  private static func text(
    cluster: String = "server: https://192.0.2.1:6443", user: String = "token: t"
  ) -> String {
    """
    apiVersion: v1
    kind: Config
    preferences: {}
    current-context: dev
    contexts:
    - name: dev
      context: { cluster: lab, user: me, namespace: default }
    clusters:
    - name: lab
      cluster: { \(cluster) }
    users:
    - name: me
      user: { \(user) }
    """
  }

  private static func read(
    _ texts: String..., path: String = "/home/dev/config", context: String? = nil
  ) throws(KubeconfigError) -> ClientConfiguration {
    try Kubeconfig(texts.map { Kubeconfig.Source(path: path, bytes: Array($0.utf8)) })
      .configuration(context: context)
  }

  private static func problem(_ text: String, context: String? = nil) -> String? {
    do throws(KubeconfigError) {
      _ = try read(text, context: context)
      return nil
    } catch {
      return error.description
    }
  }

  @Test func `server, authority and token`() throws {
    let one = try Self.read(
      Self.text(cluster: "server: https://192.0.2.1:6443/, certificate-authority: pki/ca.crt"))
    #expect(one.server == "https://192.0.2.1:6443")
    #expect(one.token == .fixed("t"))
    // Seen from the folder of the file.
    #expect(one.authorities == .file("/home/dev/pki/ca.crt"))
    #expect(one.clientCertificate == nil)
    let other = try Self.read(
      Self.text(cluster: "server: http://h/k8s, certificate-authority: /ca", user: ""),
      path: "config")
    #expect(other.server == "http://h/k8s" && other.token == .none)
    #expect(other.authorities == .file("/ca"))
  }

  @Test func `data counts more than a file, and a token's file more than a token`() throws {
    let read = try Self.read(
      Self.text(
        cluster: "server: https://h, certificate-authority: a, certificate-authority-data: YWI=",
        user: "token: t, tokenFile: token, client-certificate-data: Yw==, client-key: k"))
    #expect(read.authorities == .bytes(Array("ab".utf8)))
    #expect(read.token == .file("/home/dev/token"))
    #expect(
      read.clientCertificate
        == ClientCertificate(chain: .bytes([UInt8(ascii: "c")]), key: .file("/home/dev/k")))
  }

  @Test func `a context by name, and JSON`() throws {
    let text = """
      {"clusters": [{"name": "a", "cluster": {"server": "https://a"}},
                    {"name": "b", "cluster": {"server": "https://b"}}],
       "contexts": [{"name": "first", "context": {"cluster": "a"}},
                    {"name": "second", "context": {"cluster": "b", "user": ""}}],
       "current-context": "first", "users": null}
      """
    #expect(try Self.read(text).server == "https://a")
    #expect(try Self.read(text, context: "second").server == "https://b")
  }

  @Test func `of several files the first counts`() throws {
    let first = "current-context: dev\nusers: [{name: me, user: {token: mine}}]"
    let second = Self.text(cluster: "server: https://one", user: "token: theirs")
    let third = Self.text(cluster: "server: https://two")
    let read = try Self.read(first, second, third)
    #expect(read.server == "https://one" && read.token == .fixed("mine"))
  }

  /// A file, and words of what is said of it.
  private static let bad: [(text: String, words: String)] = [
    ("", "this is no kubeconfig file but empty"),
    ("- a", "this is no kubeconfig file but a list"),
    ("hello", "this is no kubeconfig file but one word"),
    ("{", "not valid YAML"),
    ("a: 1\na: 2", "not valid YAML"),
    ("a: &x 1\nb: *x", "anchors (&name) are not read"),
    ("clusters: 7", "clusters is no list"),
    ("users: [7]", "item 1 of users is no mapping"),
    ("users: [{user: {}}]", "item 1 of users has no name"),
    ("users: [{name: me, user: [7]}]", "user 'me' is no mapping"),
    ("contexts: []", "there is no current context; choose one by 'kubectl config use-context'"),
    ("current-context: dev", "there is no context 'dev'"),
    (
      "current-context: dev\ncontexts: [{name: a, context: {}}]",
      "there is no context 'dev'; there are a"
    ),
    ("current-context: dev\ncontexts: [{name: dev}]", "context 'dev' names no cluster"),
    (
      "current-context: dev\ncontexts: [{name: dev, context: {cluster: x}}]",
      "there is no cluster 'x'"
    ),
    (
      text().replacing("name: me", with: "name: you"), "there is no user 'me'; there are you"
    ),
    (text(cluster: ""), "cluster 'lab' has no server"),
    (text(cluster: "server: [1]"), "cluster 'lab': server is no text but a list"),
    (text(cluster: "server: 192.0.2.1"), "is no URL such as https://192.0.2.1:6443"),
    (
      text(cluster: "server: https://h, insecure-skip-tls-verify: true"),
      "insecure-skip-tls-verify can't be used"
    ),
    (text(cluster: "server: https://h, proxy-url: http://p"), "proxy-url can't be used"),
    (text(cluster: "server: https://h, tls-server-name: n"), "tls-server-name can't be used"),
    (
      text(cluster: "server: https://h, certificate-authority-data: '!'"),
      "certificate-authority-data is not in base64"
    ),
    (
      text(user: "exec: {command: aws}"),
      "user 'me': exec can't be used: no other program is run to get credentials; give a token"
    ),
    (text(user: "auth-provider: {name: oidc}"), "auth-provider can't be used"),
    (text(user: "username: a, password: secret"), "username can't be used"),
    (text(user: "token: t, as: root"), "user 'me': as can't be used"),
    (text(user: "token: 'se cret'"), "token has characters that no token has"),
    (text(user: "client-certificate: c"), "client-certificate and client-key go together"),
    (text(user: "client-key-data: Yw=="), "client-certificate and client-key go together"),
    (
      String(repeating: "[", count: 1000) + String(repeating: "]", count: 1000),
      "nested too deeply"
    ),
    (String(repeating: "#", count: 2 << 20), "this is no kubeconfig file"),
    ("a: [" + String(repeating: "1,", count: 200_000) + "]", "too many values"),
  ]

  @Test(arguments: bad.indices)
  func `what can't be used is refused in one line`(index: Int) throws {
    let (text, words) = Self.bad[index]
    let problem = try #require(Self.problem(text))
    #expect(problem.contains(words), "\(problem)")
    #expect(problem.hasPrefix("/home/dev/config: ") && !problem.contains("\n"))
    #expect(!problem.contains("secret") && !problem.contains("se cret"))
  }

  @Test func `a field that says no is as good as none`() throws {
    let read = try Self.read(
      Self.text(
        cluster: "server: https://h, insecure-skip-tls-verify: false, proxy-url: ''",
        user: "token: t, exec: null, as-groups: []"))
    #expect(read.token == .fixed("t"))
  }

  @Test func `bytes that are no text`() {
    #expect(throws: KubeconfigError.self) {
      try Kubeconfig([Kubeconfig.Source(path: "config", bytes: [0xff, 0xfe])])
    }
  }

  @Test func `a server is asked with the certificate of the current context`() async throws {
    func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
    let server = try await FakeServer(tls: Certificates.context(wantsClient: true)) {
      request, reply in
      #expect(request.header("Authorization") == nil)
      try await reply.json(200, Text.thing("a", 1))
    }
    let read = try Self.read(
      Self.text(
        cluster: "server: 'https://127.0.0.1:\(server.port)', "
          + "certificate-authority-data: \(base64(Certificates.authority))",
        user: "client-certificate-data: \(base64(Certificates.client)), "
          + "client-key-data: \(base64(Certificates.clientKey))"))
    let client = KubernetesClient(read)
    let error = await failure { () async throws(APIError) in
      _ = try await client.get(.things, ObjectName("a"), options: .once)
    }
    #expect(error == nil && server.requests.count == 1)
    await client.shutdown()
    await server.stop()
  }
}
