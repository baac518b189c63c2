import ArgumentParser
import Glibc
import Kubeconfig
import KubernetesClient
import VIPKubernetesImport

/// Where the API server is; all of it can be left out in a pod.
struct APIOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A file that says where the API server is and who asks it, as kubectl has it. (default: "
        + "$KUBECONFIG)",
      valueName: "file"))
  var kubeconfig: String?

  @Option(
    help: ArgumentHelp(
      "The context in it that counts. (default: its current one)", valueName: "name"))
  var context: String?

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
    let others = [
      ("server", server), ("token-file", tokenFile), ("ca-file", authoritiesFile),
      ("client-certificate", clientCertificate),
    ]
    if let other = others.first(where: { $0.1 != nil }), kubeconfig != nil || context != nil {
      throw ValidationError(
        "--\(kubeconfig != nil ? "kubeconfig" : "context") and --\(other.0) don't go together; "
          + "leave one of them out")
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
    } else if let file = try fromKubeconfig(environment) {
      configuration = file
    } else {
      do throws(APIError) {
        configuration = try .inCluster(environment: environment)
      } catch {
        throw Failure(code: 64, line: "\(error); give --kubeconfig or --server")
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

  /// What the files of kubectl say; `nil` if none are named.
  ///
  /// Of the files that the variable names, some need not be there.
  private func fromKubeconfig(_ environment: [String: String]) throws -> ClientConfiguration? {
    let named = environment["KUBECONFIG"].map { $0.split(separator: ":").map(String.init) } ?? []
    let paths = kubeconfig.map { [$0] } ?? named
    guard !paths.isEmpty else {
      guard context == nil else {
        throw Failure(code: 64, line: "--context chooses one of a kubeconfig; give --kubeconfig")
      }
      return nil
    }
    var sources: [Kubeconfig.Source] = []
    for path in paths where kubeconfig != nil || access(path, F_OK) == 0 {
      sources.append(try source(path))
    }
    guard !sources.isEmpty else {
      throw Failure(
        code: 65,
        line: "$KUBECONFIG names \(paths.joined(separator: ", ")), and no such file is there; "
          + "correct or unset it")
    }
    do throws(KubeconfigError) {
      return try Kubeconfig(sources).configuration(context: context)
    } catch {
      throw Failure(code: 65, line: "\(error)")
    }
  }

  private func source(_ path: String) throws -> Kubeconfig.Source {
    do throws(PoolImportError) {
      return Kubeconfig.Source(path: path, bytes: try InputFile.bytes(path, named: path))
    } catch {
      throw Failure(code: 65, line: "\(error)")
    }
  }
}

/// The environment of the process.
enum Environment {
  /// The variables that the program reads, as far as they are set.
  static func all() -> [String: String] {
    let names = [
      "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "NODE_NAME", "POD_NAME",
      "POD_NAMESPACE", "VIPCTL_RUNTIME_DIR",
    ]
    var environment: [String: String] = [:]
    for name in names { environment[name] = getenv(name).map { String(cString: $0) } }
    return environment
  }
}
