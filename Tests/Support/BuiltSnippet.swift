import Foundation

/// The programs of `Snippets`, which `swift build` puts beside the tests.
package enum BuiltSnippet {
  /// Where one of them is.
  package static func path(_ name: String) -> String {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return (tests as NSString).deletingLastPathComponent + "/" + name
  }

  /// Whether they were built.
  package static var areAll: Bool {
    FileManager.default.isExecutableFile(atPath: path("HealthCheck"))
  }
}
