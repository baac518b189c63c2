import Foundation
import TestSupport
import Testing

/// The C of this package, compiled with sanitizers and run.
///
/// In the guard itself there is no sanitizer, since its runtime must not run in a fork of a process
/// with threads: the functions are compiled once more, for an ordinary process.
@Suite struct CGuardTests {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Compilers with sanitizers; the first is part of every Swift toolchain.
  private static let compilers = [["clang", "-fuse-ld=lld"], ["clang"], ["gcc"]]

  @Test(.timeLimit(.minutes(20)))
  func `a reader of the area stays within it and believes nothing`() throws {
    try compileAndRun("area_test", with: ["CGuard/area.c"])
  }

  /// The program includes memory.c, which is about the process's own memory, with another kernel.
  @Test(.timeLimit(.minutes(20)))
  func `a guard gives back what it does not need and nothing else`() throws {
    try compileAndRun("memory_test")
  }

  /// The program includes guard.c and lets it live, with sockets that send nothing.
  @Test(.timeLimit(.minutes(20)))
  func `a guard sends what is due at the end of its node and not before`() throws {
    try compileAndRun(
      "guard_test",
      with: ["CGuard/area.c", "CGuard/care.c", "CGuard/requests.c", "CGuard/watch.c"])
  }

  @Test(.timeLimit(.minutes(20)))
  func `addresses are kept until a successor has announced them and never longer`() throws {
    try compileAndRun(
      "care_test", with: ["CGuard/area.c", "CGuard/care.c", "CGuard/requests.c"])
  }

  @Test(.timeLimit(.minutes(20)))
  func `a node that stands still is put to rest and a busy one is not`() throws {
    try compileAndRun("watch_test", with: ["CGuard/area.c", "CGuard/watch.c"])
  }

  @Test(.timeLimit(.minutes(20)))
  func `control messages are read within their buffer whatever they say`() throws {
    try compileAndRun("linux_calls_test", with: ["CLinux/linux_calls.c"])
  }

  private func compileAndRun(_ name: String, with sources: [String] = []) throws {
    let folder = try TemporaryDirectory()
    let program = folder[name]
    let home = Self.root.appending(path: "Sources").path
    let arguments =
      [
        "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-DVIP_GUARD_INSTRUMENTED",
        "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-I\(home)/CGuard",
        "-I\(home)/CGuard/include", "-I\(home)/CLinux/include",
      ] + sources.map { "\(home)/\($0)" } + [
        Self.root.appending(path: "Tests/CGuardTests/Program/\(name).c").path, "-o", program,
      ]
    var complaints: [String] = []
    for compiler in Self.compilers {
      let result = try? run(compiler + arguments, within: .seconds(60))
      if result?.status == 0 { break }
      complaints.append(result?.errors ?? "there is no \(compiler[0])")
    }
    try #require(complaints.count < Self.compilers.count, "\(complaints)")
    let result = try run([program], within: .seconds(60))
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    #expect(result.output.hasSuffix("0 failures\n"), "\(result.output)")
  }
}
