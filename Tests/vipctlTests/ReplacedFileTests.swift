import Foundation
import TestSupport
import Testing

@testable import vipctl

/// Where `vipctl metrics --output` writes to.
@Suite struct ReplacedFileTests {
  @Test func `a file is replaced as a whole`() throws {
    let folder = try TemporaryDirectory()
    let path = folder["vipctl.prom"]
    try "old".write(toFile: path, atomically: false, encoding: .utf8)
    try ReplacedFile.write(path, "new\n")
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "new\n")
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.posixPermissions] as? Int == 0o644)
    let parent = (path as NSString).deletingLastPathComponent
    #expect(try FileManager.default.contentsOfDirectory(atPath: parent) == ["vipctl.prom"])
    let error = #expect(throws: Failure.self) { try ReplacedFile.write(path + "/no/where", "") }
    #expect(error?.description.contains("vipctl.prom/no/where: Not a directory") == true)
    #expect(throws: Failure.self) { try ReplacedFile.write(parent + "/", "") }
  }
}
