import Foundation
import Testing

/// What C declares once more, because Swift's map of the C library lacks it, is compared with the
/// original by the compiler; and no C target lets a warning pass.
@Suite struct HonestCTests {
  private static func text(_ path: String) throws -> String {
    try String(contentsOf: Repository.root.appending(path: path), encoding: .utf8)
  }

  @Test func `each struct that is declared once more has the layout of the original`() throws {
    let header = try Self.text("Sources/CLinux/include/linux_calls.h")
    let source = try Self.text("Sources/CLinux/linux_calls.c")
    var count = 0
    for declaration in header.matches(of: #/struct (vip_\w+) \{([^}]*)\}/#) {
      let (_, name, body) = declaration.output
      #expect(source.contains("SAME_STRUCT(\(name), "), "struct \(name)")
      let fields = body.matches(of: #/(\w+)(\[\w+\])?;/#).map(\.output.1)
      #expect(!fields.isEmpty)
      for field in fields {
        #expect(source.contains("SAME_FIELD(\(name), \(field), "), "struct \(name).\(field)")
      }
      count += 1
    }
    #expect(count > 0)
  }

  @Test func `each constant that is declared once more has the value of the original`() throws {
    var count = 0
    let source = try Self.text("Sources/CLinux/linux_calls.c")
    let asserted = source.matches(of: #/_Static_assert\([^;]*\);/#).map(\.output)
    let header = try Self.text("Sources/CLinux/include/linux_calls.h")
    for constant in header.matches(of: #/static const \w+ (vip_\w+) =/#).map(\.output.1) {
      #expect(asserted.contains { $0.contains(constant) }, "\(constant)")
      count += 1
    }
    for path in ["Sources/CLinux/linux_calls.c", "Sources/CGuard/guard.c"] {
      let source = try Self.text(path)
      // Numbers that the C library may be too old to have.
      for name in source.matches(of: #/\bVIP_((?:SYS_|MADV_|CLONE_)\w+) =/#).map(\.output.1) {
        #expect(source.contains("_Static_assert((int)VIP_\(name) == \(name),"), "\(path): \(name)")
        count += 1
      }
    }
    #expect(count > 6)
  }

  @Test func `no C target lets a warning pass`() throws {
    let package = try Self.text("Package.swift")
    let settings = try #require(package.firstMatch(of: #/let honestC: \[CSetting\] = \[[^\]]*\]/#))
      .output
    for setting in ["enableWarning(\"all\")", "enableWarning(\"extra\")", "as: .error"] {
      #expect(settings.contains(setting))
    }
    let targets = package.matches(of: #/\.target\(\s*name: "(C[A-Z]\w+)"[^)]*\)/#)
    #expect(targets.count >= 3)
    for target in targets {
      #expect(target.output.0.contains("cSettings: honestC"), "\(target.output.1)")
    }
  }
}
