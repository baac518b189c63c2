import Foundation

/// Whether this machine lets a test build networks of its own.
package enum Laboratory {
  /// Why network tests cannot run here, or `nil` when they can.
  package static let obstacle: String? = {
    guard geteuid() == 0 else { return "network tests need root" }
    for tool in ["ip", "nft", "tcpdump", "keepalived"] where !isInstalled(tool) {
      return "network tests need \(tool); run Scripts/install-dependencies"
    }
    do {
      let probe = try Namespace("probe")
      try probe.ip("link add p0 type veth peer name p1\nlink add br0 type bridge")
      return nil
    } catch {
      let reason = "\(error)".split(separator: "\n").first ?? ""
      return "this machine allows no network namespaces: \(reason)"
    }
  }()

  /// Whether network tests can run here.
  package static var isAvailable: Bool { obstacle == nil }

  /// Whether this is a run of continuous integration, where nothing may be skipped.
  package static var isCI: Bool { ProcessInfo.processInfo.environment["CI"] == "true" }

  private static func isInstalled(_ tool: String) -> Bool {
    ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin"]
      .contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)") }
  }
}
