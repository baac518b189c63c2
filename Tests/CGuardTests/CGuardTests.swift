import Foundation
import TestSupport
import Testing

/// The guard's C, compiled with the address sanitizer and run.
///
/// In the guard itself there is no sanitizer, since its runtime must not run in a fork of a process
/// with threads: the functions are compiled once more, for an ordinary process.
@Suite struct CGuardTests {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// A compiler with its sanitizers; the first is part of every Swift toolchain.
  private static let compilers = [["clang", "-fuse-ld=lld"], ["gcc"]]

  @Test(.timeLimit(.minutes(2)))
  func `a reader of the area stays within it and believes nothing`() throws {
    let folder = try TemporaryDirectory()
    let program = folder["area_test"]
    let compiler = try #require(
      Self.compilers.first { (try? run([$0[0], "--version"]))?.status == 0 },
      "neither clang nor gcc is there")
    let sources = Self.root.appending(path: "Sources/CGuard").path
    try check(
      compiler + [
        "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-DVIP_GUARD_INSTRUMENTED",
        "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-I\(sources)",
        "-I\(sources)/include", "\(sources)/area.c",
        Self.root.appending(path: "Tests/CGuardTests/Program/area_test.c").path, "-o", program,
      ], within: .seconds(60))
    let result = try run([program], within: .seconds(60))
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    #expect(result.output.hasSuffix("0 failures\n"), "\(result.output)")
  }
}
