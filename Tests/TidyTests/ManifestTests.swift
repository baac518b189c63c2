import Foundation
import Testing

/// Manifests can't share code: knowledge that both packages have stands in each of them.
@Suite struct ManifestTests {
  private static let paths = ["Package.swift", "Kubernetes/Package.swift"]

  private func text(_ path: String) throws -> String {
    try String(contentsOf: Repository.root.appending(path: path), encoding: .utf8)
  }

  /// The settings of all targets, in the order in which they stand.
  private static func settings(_ manifest: String) -> [String] {
    let list = manifest.firstMatch(of: /let common: \[SwiftSetting\] = \[\n((?: .*\n)+)\]\n/)
    return (list?.output.1 ?? "").split(separator: "\n").map {
      $0.trimmingCharacters(in: .whitespaces)
    }
  }

  @Test func `both packages compile with the same settings and tools`() throws {
    let (first, second) = (try text(Self.paths[0]), try text(Self.paths[1]))
    let settings = Self.settings(first)
    #expect(settings.contains(".treatAllWarnings(as: .error),"))
    #expect(Self.settings(second) == settings)
    let tools = first.prefix { $0 != "\n" }
    #expect(tools.hasPrefix("// swift-tools-version:"))
    #expect(second.prefix { $0 != "\n" } == tools)
  }

  @Test(arguments: paths)
  func `each target of Swift has the settings`(path: String) throws {
    let targets = try text(path).split(separator: "  targets: [\n").last.map(String.init) ?? ""
    // The beginning of the next target ends one.
    let kinds = /\n +\.(target|testTarget|executableTarget|systemLibrary)\(/
    let declarations = ("\n" + targets).split(separator: kinds).filter { $0.contains("name: \"") }
    #expect(declarations.count > 3)
    for declaration in declarations {
      let isC = declaration.contains("cSettings:") || declaration.contains("pkgConfig:")
      let hasSettings = declaration.contains(/swiftSettings: (?:common|pure)\b/)
      #expect(isC || hasSettings, "\(path): \(declaration.prefix(80))")
    }
  }

  @Test func `a list is read to its end`() {
    let manifest = """
      let other: [SwiftSetting] = [
        .a,
      ]
      let common: [SwiftSetting] = [
        .b("c"),
        .d,
      ]
      let pure: [SwiftSetting] = common + [.e]

      """
    #expect(Self.settings(manifest) == [#".b("c"),"#, ".d,"])
  }
}
