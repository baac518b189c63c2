import Foundation

/// What the tests need of this machine: the lab's programs and the one under test.
enum Laboratory {
  /// The script that brings labs up and down.
  static let script: String = {
    var path = URL(filePath: #filePath)
    // Support, ClusterTests, Tests.
    for _ in 0..<4 { path.deleteLastPathComponent() }
    return path.appending(path: "Lab/kube-lab").path
  }()

  /// The program under test: `VIPCTL_KUBERNETES_BINARY`, or what was built beside the tests.
  static let program: String =
    ProcessInfo.processInfo.environment["VIPCTL_KUBERNETES_BINARY"] ?? builtBesideTests

  /// The archive of the image from which the program is started in containers, `VIP_CLUSTER_IMAGE`;
  /// without it the program itself is started.
  static let image: String? = ProcessInfo.processInfo.environment["VIP_CLUSTER_IMAGE"].flatMap {
    $0.isEmpty ? nil : $0
  }

  /// Where the script keeps what it knows of the labs that are up.
  static let state =
    ProcessInfo.processInfo.environment["KUBE_LAB_STATE"] ?? "/run/vipctl-kube-lab"

  /// Whether this is a run of continuous integration, where nothing may be skipped.
  static var isCI: Bool { ProcessInfo.processInfo.environment["CI"] == "true" }

  /// Why the tests cannot run here, or `nil` when they can.
  static let obstacle: String? = {
    guard geteuid() == 0 else { return "tests with a control plane need root" }
    guard let programs = try? run([script, "programs"]) else { return "no \(script)" }
    guard programs.status == 0 else {
      return "the lab has no programs; run Kubernetes/Lab/kube-lab build"
    }
    guard FileManager.default.isExecutableFile(atPath: program) else { return "no \(program)" }
    guard let image else { return nil }
    guard FileManager.default.isReadableFile(atPath: image) else { return "no \(image)" }
    guard let version = try? run(["podman", "--version"]), version.status == 0 else {
      return "no podman; run Scripts/install-dependencies --image"
    }
    return nil
  }()

  private static let builtBesideTests: String = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return (tests as NSString).deletingLastPathComponent + "/vipctl-kubernetes"
  }()
}

/// Runs something in a network namespace, on a thread of its own that ends with it, and waits for
/// it.
///
/// Sockets that it opens stay in the namespace, whichever thread uses them later.
func inside<Value: Sendable>(
  _ namespace: String, _ body: @escaping @Sendable () throws -> Value
) throws -> Value {
  let outcome = Outcome<Value>()
  Thread.detachNewThread {
    outcome.set(
      Result {
        try enterNamespace(namespace)
        return try body()
      })
  }
  return try outcome.wait()
}
