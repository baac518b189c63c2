import TestSupport
import Testing
import VIP

@testable import VIPConfiguration
@testable import VIPImport

/// Tests that translate the text of a configuration of keepalived.
protocol ImportSuite {}

extension ImportSuite {
  func imported(_ text: String) throws -> KeepalivedImport {
    let folder = try TemporaryDirectory()
    try folder.write(text, to: "k.conf")
    return try KeepalivedImport(folder["k.conf"])
  }

  /// An instance with an address and some more lines, which begin at line 6.
  static func instance(_ lines: String, before: String = "") -> String {
    """
    vrrp_instance web {
      interface eth0
      virtual_router_id 51
      virtual_ipaddress { 192.0.2.10/24
      }
      \(lines)
    }
    \(before)
    """
  }

  /// The only router of a configuration, as our own reader reads the result.
  func router(_ text: String) throws -> RouterConfiguration {
    let result = try imported(text)
    let file = try ConfigurationReader.read(result.yaml)
    if ReaderGate.isWhole(result.yaml) {
      #expect(file.routers == result.routers.map(\.configuration))
    }
    #expect(file.routers.count == result.routers.count)
    #expect(file.settings.announcements == result.node.announcements)
    return try #require(file.routers.first)
  }
}
