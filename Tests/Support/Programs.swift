import Foundation

/// The builds of `vipctl` to try where an optimised program may behave otherwise than the one that
/// was built beside the tests.
package enum Programs {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The optimised program, if there is one of these sources.
  ///
  /// In continuous integration it has just been built. Elsewhere it must be newer than all sources;
  /// if it is not, a line says that it is not tried.
  package static let release: String? = {
    let path = root.appending(path: ".build/release/vipctl").path
    if Laboratory.isCI {
      return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }
    func age(_ path: String) -> Date {
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      return attributes?[.modificationDate] as? Date ?? .distantPast
    }
    let folder = root.appending(path: "Sources").path
    let sources = FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? []
    let newest = sources.map { age("\(folder)/\($0)") }.max() ?? .distantFuture
    if age(path) > newest { return path }
    print("the optimised program is not tried: 'make release' builds that of these sources")
    return nil
  }()

  /// The program under test, and the optimised one if there is one of these sources.
  package static let all = [VipctlNode.binary] + (release.map { [$0] } ?? [])
}
