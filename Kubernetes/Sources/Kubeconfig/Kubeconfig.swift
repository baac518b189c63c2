public import KubernetesClient

/// Files that say where API servers are and who asks them, as `kubectl config` writes them.
///
/// Several of them are read as one, as with `$KUBECONFIG`: of two entries with the same name the
/// first counts, and so does the first current context.
public struct Kubeconfig: Sendable {
  /// A file as it was read.
  public struct Source: Sendable {
    /// The path, for errors; paths in the file are relative to its folder.
    public var path: String
    /// The bytes of the file.
    public var bytes: [UInt8]

    /// Makes a source.
    public init(path: String, bytes: [UInt8]) {
      self.path = path
      self.bytes = bytes
    }
  }

  /// The longest file that is read.
  public static let byteCountMax = 1 << 20

  private var currentContext: String?
  private var contexts: [String: KubeconfigEntry] = [:]
  private var clusters: [String: KubeconfigEntry] = [:]
  private var users: [String: KubeconfigEntry] = [:]
  private let names: String

  /// Reads files.
  ///
  /// - Throws: what is wrong with the first that is of another form.
  public init(_ sources: [Source]) throws(KubeconfigError) {
    names = sources.map(\.path).joined(separator: ", ")
    for source in sources {
      let root = try KubeconfigValue.root(of: source)
      guard let fields = root.fields else {
        throw KubeconfigError("\(source.path): this is no kubeconfig file but \(root.found)")
      }
      let file = KubeconfigEntry(path: source.path, place: "", fields: fields)
      let context = try file.text("current-context")
      if currentContext == nil, let context { currentContext = context }
      for (name, entry) in try file.entries("contexts", of: "context") where contexts[name] == nil {
        contexts[name] = entry
      }
      for (name, entry) in try file.entries("clusters", of: "cluster") where clusters[name] == nil {
        clusters[name] = entry
      }
      for (name, entry) in try file.entries("users", of: "user") where users[name] == nil {
        users[name] = entry
      }
    }
  }

  /// The configuration of a client for a context.
  ///
  /// Files that the context names are read when the first request is made, and again later.
  ///
  /// - Parameter name: the context; left out, the current one.
  /// - Returns: the configuration.
  /// - Throws: what is missing, or can't be used, with what to do about it.
  public func configuration(
    context name: String? = nil
  ) throws(KubeconfigError) -> ClientConfiguration {
    guard let name = name ?? currentContext else {
      throw KubeconfigError(
        "\(names): there is no current context; choose one by 'kubectl config use-context', or give "
          + "--context")
    }
    let context = try find(name, in: contexts, "context")
    guard let clusterName = try context.text("cluster") else {
      throw KubeconfigError("\(context.origin) names no cluster; add one")
    }
    let cluster = try find(clusterName, in: clusters, "cluster")
    var configuration = try Self.configuration(of: cluster)
    if let userName = try context.text("user") {
      try Self.add(try find(userName, in: users, "user"), to: &configuration)
    }
    return configuration
  }

  private func find(
    _ name: String, in entries: [String: KubeconfigEntry], _ kind: String
  ) throws(KubeconfigError) -> KubeconfigEntry {
    if let entry = entries[name] { return entry }
    let others = entries.keys.sorted().prefix(5).joined(separator: ", ")
    throw KubeconfigError(
      "\(names): there is no \(kind) '\(name.prefix(100))'"
        + (others.isEmpty ? "" : "; there are \(others)"))
  }

  /// The server of a cluster, and who signs its certificate.
  private static func configuration(
    of cluster: KubeconfigEntry
  ) throws(KubeconfigError) -> ClientConfiguration {
    try cluster.refuse([
      (
        "insecure-skip-tls-verify",
        "the server has to prove who it is; give certificate-authority instead"
      ),
      ("tls-server-name", "give the server by a name that is in its certificate"),
      ("proxy-url", "requests go to the server itself; give one that can be reached"),
    ])
    guard let server = try cluster.text("server") else {
      throw KubeconfigError("\(cluster.origin) has no server; add its URL")
    }
    guard server.hasPrefix("https://") || server.hasPrefix("http://") else {
      throw KubeconfigError(
        "\(cluster.origin): server is '\(server.prefix(100))', which is no URL such as "
          + "https://192.0.2.1:6443")
    }
    return ClientConfiguration(
      server: server.hasSuffix("/") ? String(server.dropLast()) : server,
      authorities: try cluster.source("certificate-authority"))
  }

  /// Adds what a user shows the server.
  private static func add(
    _ user: KubeconfigEntry, to configuration: inout ClientConfiguration
  ) throws(KubeconfigError) {
    let remedy =
      "give a token or a client certificate, such as one of 'kubectl create token'"
    try user.refuse([
      ("exec", "no other program is run to get credentials; \(remedy)"),
      ("auth-provider", "the server knows it no more; \(remedy)"),
      ("username", "no server takes passwords any more; \(remedy)"),
      ("password", "no server takes passwords any more; \(remedy)"),
      ("as", "requests are made in the user's own name; give the other one's credentials"),
      ("as-uid", "requests are made in the user's own name; give the other one's credentials"),
      ("as-groups", "requests are made in the user's own name; give the other one's credentials"),
      (
        "as-user-extra",
        "requests are made in the user's own name; give the other one's credentials"
      ),
    ])
    if let file = try user.text("tokenFile") {
      configuration.token = .file(user.path(file))
    } else if let token = try user.text("token") {
      guard token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
        throw KubeconfigError(
          "\(user.origin): token has characters that no token has; copy it again")
      }
      configuration.token = .fixed(token)
    }
    let chain = try user.source("client-certificate")
    let key = try user.source("client-key")
    guard (chain == nil) == (key == nil) else {
      throw KubeconfigError(
        "\(user.origin): client-certificate and client-key go together; add the other one")
    }
    if let chain, let key {
      configuration.clientCertificate = ClientCertificate(chain: chain, key: key)
    }
  }
}

/// The reason why kubeconfig files can't be used.
public struct KubeconfigError: Error, Sendable, Hashable, CustomStringConvertible {
  /// One line: where, what, and what to do.
  public let description: String

  init(_ description: String) { self.description = description }
}
