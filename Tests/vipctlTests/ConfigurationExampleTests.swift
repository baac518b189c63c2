import Testing
import VIP
import VIPCore

@testable import VIPConfiguration
@testable import vipctl

/// The file that 'vipctl config example' prints.
@Suite struct ConfigurationExampleTests {
  @Test func `the example is a file that can be read`() throws {
    let file = try ConfigurationReader.read(ConfigurationExample.yaml)
    #expect(file.routers.map(\.name) == ["web"])
    #expect(file.routers.first?.addresses.count == 2)
    // So are the settings in its comments.
    let keys = ["interval", "preempt", "virtualMac", "track", "on"]
    let lines = ConfigurationExample.yaml.split(separator: "\n").map { line in
      keys.contains { line.contains("# \($0): ") }
        ? String(line.replacing("# ", with: "", maxReplacements: 1)) : String(line)
    }
    let full = try ConfigurationReader.read(lines.joined(separator: "\n"))
    #expect(full.routers.first?.virtualMAC == true)
    #expect(full.routers.first?.preemptDelay == .seconds(30))
  }
}
