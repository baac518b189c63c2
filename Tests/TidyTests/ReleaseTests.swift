import Foundation
import TestSupport
import Testing

/// What the optimised program needs of the machine that it is copied to.
@Suite(.enabled(if: Programs.release != nil, "there is no optimised program of these sources"))
struct ReleaseTests {
  private static let libraries: Set<String> = [
    "libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "libmnl.so.0",
    "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
  ]

  /// Whether this machine's C library is old enough for a program that other machines can use.
  private static let isOldSystem: Bool = {
    // Such as "glibc 2.36".
    let name = (try? check(["getconf", "GNU_LIBC_VERSION"])) ?? ""
    guard let text = name.split(whereSeparator: \.isWhitespace).last else { return false }
    return version(String(text)) <= [2, 36]
  }()

  private struct Version: Comparable, ExpressibleByArrayLiteral {
    var parts: [Int]

    init(arrayLiteral parts: Int...) { self.parts = parts }

    static func < (left: Version, right: Version) -> Bool {
      left.parts.lexicographicallyPrecedes(right.parts)
    }
  }

  private static func version(_ text: String) -> Version {
    var version: Version = []
    version.parts = text.split(separator: ".").compactMap { Int($0) }
    return version
  }

  @Test func `few shared libraries`() throws {
    let output = try check(["readelf", "--wide", "--dynamic", #require(Programs.release)])
    let needed = output.matches(of: #/\(NEEDED\)\s+Shared library: \[([^\]]+)\]/#)
      .map { String($0.output.1) }
    #expect(needed.contains("libc.so.6"))
    #expect(Set(needed).subtracting(Self.libraries).isEmpty, "\(needed)")
  }

  /// Ubuntu 22.04 has the oldest libraries of the systems that the README names.
  @Test(.enabled(if: isOldSystem, "a newer system builds programs for newer systems"))
  func `no newer libraries than the oldest system has`() throws {
    let limits: [Substring: Version] = [
      "GLIBC": [2, 35], "GLIBCXX": [3, 4, 30], "CXXABI": [1, 3, 13], "GCC": [12, 0, 0],
    ]
    let output = try check(["readelf", "--wide", "--version-info", #require(Programs.release)])
    var found = 0
    for match in output.matches(of: #/Name: (GLIBC|GLIBCXX|CXXABI|GCC)_([0-9.]+)/#) {
      let limit = try #require(limits[match.output.1])
      #expect(Self.version(String(match.output.2)) <= limit, "\(match.output.0)")
      found += 1
    }
    #expect(found > 5)
  }

  @Test func `a small file`() throws {
    let attributes = try FileManager.default.attributesOfItem(atPath: #require(Programs.release))
    let size = try #require(attributes[.size] as? Int)
    #expect(size <= 18_000_000, "\(size) bytes")
  }
}
