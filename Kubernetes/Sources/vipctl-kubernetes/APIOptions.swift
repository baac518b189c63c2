import ArgumentParser
import Glibc
import KubernetesClient

/// Where the API server is; all of it can be left out in a pod.
struct APIOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The URL of the API server. (default: that of the pod's cluster)", valueName: "url"))
  var server: String?

  @Option(
    name: .customLong("token-file"),
    help: ArgumentHelp("A file with a token, which is read again.", valueName: "file"))
  var tokenFile: String?

  @Option(
    name: .customLong("ca-file"),
    help: ArgumentHelp(
      "A file with the certificates that sign the API server's, in PEM.", valueName: "file"))
  var authoritiesFile: String?

  @Option(
    name: .customLong("client-certificate"),
    help: ArgumentHelp("A file with a certificate of this client, in PEM.", valueName: "file"))
  var clientCertificate: String?

  @Option(
    name: .customLong("client-key"),
    help: ArgumentHelp("A file with its key, in PEM.", valueName: "file"))
  var clientKey: String?

  func validate() throws {
    guard (clientCertificate == nil) == (clientKey == nil) else {
      throw ValidationError("--client-certificate and --client-key go together")
    }
    if let server, !server.hasPrefix("https://"), !server.hasPrefix("http://") {
      throw ValidationError(
        "--server is '\(server)', which is no URL such as https://192.0.2.1:6443")
    }
  }

  /// The configuration of a client.
  func configuration(_ environment: [String: String]) throws -> ClientConfiguration {
    var configuration: ClientConfiguration
    if let server {
      configuration = ClientConfiguration(
        server: server.hasSuffix("/") ? String(server.dropLast()) : server)
    } else {
      do throws(APIError) {
        configuration = try .inCluster(environment: environment)
      } catch {
        throw Failure(code: 64, line: "\(error); give --server")
      }
    }
    if let tokenFile { configuration.token = .file(tokenFile) }
    if let authoritiesFile { configuration.authorities = .file(authoritiesFile) }
    if let clientCertificate, let clientKey {
      configuration.clientCertificate = ClientCertificate(
        chain: .file(clientCertificate), key: .file(clientKey))
    }
    return configuration
  }
}

/// The environment of the process.
enum Environment {
  /// The variables that the program reads, as far as they are set.
  static func all() -> [String: String] {
    let names = [
      "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "NODE_NAME", "POD_NAME",
      "POD_NAMESPACE", "VIPCTL_RUNTIME_DIR",
    ]
    var environment: [String: String] = [:]
    for name in names { environment[name] = getenv(name).map { String(cString: $0) } }
    return environment
  }
}
