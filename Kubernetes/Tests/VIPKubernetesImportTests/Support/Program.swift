import Foundation

/// The program, as it was built beside the tests.
enum Program {
  /// Its path; `VIPCTL_KUBERNETES_BINARY` names another one.
  static let path: String =
    ProcessInfo.processInfo.environment["VIPCTL_KUBERNETES_BINARY"] ?? builtBesideTests

  private static let builtBesideTests: String = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return (tests as NSString).deletingLastPathComponent + "/vipctl-kubernetes"
  }()
}
