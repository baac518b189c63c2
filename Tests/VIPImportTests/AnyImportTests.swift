import Foundation
import TestSupport
import Testing
import VIP
import VIPCore
import VRRP
import VRRPSimulation

@testable import VIPConfiguration
@testable import VIPImport

/// The result of an import is one that the reader takes: of random text, and of keepalived's own
/// samples.
@Suite struct AnyImportTests: ImportSuite {
  @Test(.timeLimit(.minutes(10)))
  func `the result is always one that we read`() throws {
    var random = SeededRandom(seed: 5)
    let words = [
      "vrrp_instance", "x", "{", "}", "\n", "\n", "interface", "eth0", "yes", "null", "9", "a b",
      "virtual_router_id", "7", "51", "priority", "255", "advert_int", "1", "0.1", "version", "3",
      "virtual_ipaddress", "192.0.2.9/24", "fe80::1", "dev", "label", "\"", "'", "\\", "#", "!",
      "nopreempt", "preempt_delay", "state", "MASTER", "authentication", "auth_type", "PASS",
      "auth_pass", "&&&&&&", "****", "include", "$X=1", "$X", "@a", "\u{0}", "\u{1B}", "ü",
    ]
    var carried = 0
    let folder = try TemporaryDirectory()
    for _ in 0..<1000 {
      var text = Self.instance("priority 10\n", before: "")
      for _ in 0..<3 {
        let soup = (0..<random.below(14)).map { _ in random.pick(words) }.joined(separator: " ")
        text += "vrrp_instance y {\ninterface eth1\nvirtual_router_id 9\n\(soup)\n}\n"
      }
      try folder.write(text, to: "k.conf")
      guard let result = try? KeepalivedImport(folder["k.conf"]) else { continue }
      carried += result.routers.count
      let file = try ConfigurationReader.read(result.yaml)
      #expect(file.routers.count == result.routers.count)
      guard ReaderGate.isWhole(result.yaml) else { continue }
      #expect(file.routers == result.routers.map(\.configuration))
    }
    #expect(carried > 400)
  }

  private static let samples =
    ((try? FileManager.default.contentsOfDirectory(
      atPath: "/usr/share/doc/keepalived/samples")) ?? [])
    .filter { $0.hasPrefix("keepalived.conf.") }.sorted()

  @Test(.enabled(if: !samples.isEmpty, "keepalived's samples are not installed"))
  func `keepalived's own samples`() throws {
    var count = 0
    for name in Self.samples {
      let result: KeepalivedImport
      do throws(FileError) {
        result = try KeepalivedImport("/usr/share/doc/keepalived/samples/\(name)")
      } catch {
        #expect(error.description.contains("there is no vrrp_instance in it; nothing to import"))
        continue
      }
      guard !result.routers.isEmpty else { continue }
      count += 1
      #expect(try ConfigurationReader.read(result.yaml).routers.count == result.routers.count)
    }
    #expect(count >= 5)
  }
}
