import Foundation

/// A program of the folder `Snippets`.
package enum Snippet {
  /// Where a program is: beside the tests, since they are built together.
  package static func path(_ name: String) -> String {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return (tests as NSString).deletingLastPathComponent + "/" + name
  }

  /// Whether a program has been built.
  package static func isBuilt(_ name: String) -> Bool {
    FileManager.default.isExecutableFile(atPath: path(name))
  }
}
