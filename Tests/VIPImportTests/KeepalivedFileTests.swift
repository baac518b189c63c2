import Foundation
import TestSupport
import Testing

@testable import VIPConfiguration
@testable import VIPImport

/// The configurations that network tests compare with keepalived's own words: what is said of them.
@Suite struct KeepalivedFileTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "NetworkTests/Keepalived")

  static let names =
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
    .filter { $0.hasSuffix(".conf") }.map { String($0.dropLast(5)) }.sorted()

  @Test func `there are enough`() {
    #expect(Self.names.count >= 40)
  }

  @Test(arguments: names)
  func `each has the remarks that it lists, and what is printed can be read`(name: String) throws {
    let path = Self.folder.appending(path: "\(name).conf")
    let text = String(decoding: try Data(contentsOf: path), as: UTF8.self)
    let marks = text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("#= ") }
      .map { $0.dropFirst(3).split(separator: " ", maxSplits: 1).map(String.init) }
    let identifier = marks.first { $0[0] == "id" }?[1]
    let result = try KeepalivedImport(path.path, configID: identifier ?? "test")
    let expected = marks.filter { ["lost", "note"].contains($0[0]) }
    #expect(result.remarks.count == expected.count)
    for (remark, mark) in zip(result.remarks, expected) {
      let line = "\(remark.source.number) \(remark.text)"
      #expect(remark.kind.rawValue == mark[0], "\(line)")
      #expect(line.hasPrefix(mark[1]), "\(line)")
    }
    #expect(!result.routers.isEmpty)
    #expect(try ConfigurationReader.read(result.yaml).routers.count == result.routers.count)
  }
}
