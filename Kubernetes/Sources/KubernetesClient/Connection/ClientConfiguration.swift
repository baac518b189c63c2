/// Where the API server is, and how to talk to it.
public struct ClientConfiguration: Sendable, Hashable {
  /// The server's URL without a slash at its end, such as `https://10.96.0.1:443`.
  public var server: String
  /// What says which account this is.
  public var token: TokenSource
  /// The certificates that sign the server's; `nil` for those that the machine trusts.
  public var authorities: FileSource?
  /// The client's own certificate, and its key, both in PEM.
  public var clientCertificate: ClientCertificate?
  /// The name under which changes to fields are noted.
  public var fieldManager: String
  /// What the server's log calls the client.
  public var userAgent: String
  /// Requests in a second, in the long run; urgent ones do not count.
  public var requestRate: Double
  /// Requests at once after a quiet time.
  public var requestBurst: Int
  /// The time to connect.
  public var connectTimeout: Duration
  /// The time for a request with its whole reply, if it has none of its own.
  public var requestTimeout: Duration
  /// The longest reply that is read.
  public var replyByteCountMax: Int
  /// After how long files with the token and certificates are read again.
  public var credentialsLifetime: Duration

  /// Makes a configuration; what is left out has its default.
  public init(
    server: String, token: TokenSource = .none, authorities: FileSource? = nil,
    clientCertificate: ClientCertificate? = nil
  ) {
    self.server = server
    self.token = token
    self.authorities = authorities
    self.clientCertificate = clientCertificate
    fieldManager = "vipctl"
    userAgent = "vipctl-kubernetes"
    requestRate = 20
    requestBurst = 40
    connectTimeout = .seconds(5)
    requestTimeout = .seconds(30)
    replyByteCountMax = 32 << 20
    credentialsLifetime = .seconds(60)
  }

  /// Where a pod finds its token and the certificates.
  public static let serviceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount"

  /// The configuration of a pod, from its environment and the files of its service account.
  ///
  /// The files are read when the first request is made, and again later.
  public static func inCluster(
    environment: [String: String], directory: String = serviceAccountDirectory
  ) throws(APIError) -> ClientConfiguration {
    guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty else {
      throw .credentials("KUBERNETES_SERVICE_HOST is not set: this is no pod")
    }
    let text = environment["KUBERNETES_SERVICE_PORT"] ?? "443"
    guard let port = UInt16(text), port != 0 else {
      throw .credentials("KUBERNETES_SERVICE_PORT is '\(text.prefix(20))', which is no port")
    }
    let authority = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
    return ClientConfiguration(
      server: "https://\(authority):\(port)", token: .file("\(directory)/token"),
      authorities: .file("\(directory)/ca.crt"))
  }
}

/// Where a token comes from.
public enum TokenSource: Sendable, Hashable {
  /// There is none.
  case none
  /// The token itself.
  case fixed(String)
  /// A file, which another program replaces before the token in it expires.
  case file(String)
}

/// Where bytes come from that may be replaced while the program runs.
public enum FileSource: Sendable, Hashable {
  /// The bytes themselves.
  case bytes([UInt8])
  /// A file.
  case file(String)
}

/// The certificate of a client, with its key.
public struct ClientCertificate: Sendable, Hashable {
  /// The certificate, with those between it and the authority if there are any.
  public var chain: FileSource
  /// The key.
  public var key: FileSource

  /// Makes a certificate.
  public init(chain: FileSource, key: FileSource) {
    self.chain = chain
    self.key = key
  }
}
