import Glibc
import TestSupport
import Testing
import VIP
import VIPConfiguration
import VIPControl

@testable import VIPService

/// A configuration file that can't be read holds up nothing.
@Suite struct FileReadingTests {
  @Test(.timeLimit(.minutes(10)))
  func `a FIFO that no program writes to is given up, and the next reading works`() async throws {
    let folder = try TemporaryDirectory()
    let path = folder["vipctl.yaml"]
    #expect(mkfifo(path, 0o600) == 0)
    let reading = FileReading(patience: .milliseconds(50))
    for _ in 0..<6 {
      let error = await #expect(throws: ControlFailure.self) { try await reading.load(path) }
      // On a busy machine the thread that reads may give up before its patience is found to be
      // over.
      let text = error?.description ?? ""
      #expect(
        text.contains("can't be read within") || text.contains("nothing can be read"), "\(text)")
    }
    #expect(unlink(path) == 0)
    try folder.write(
      "routers: [{name: a, interface: eth0, vrid: 1, addresses: [192.0.2.10/24]}]\n",
      to: "vipctl.yaml")
    // Once the threads that still wait have given up.
    let patient = FileReading(patience: .seconds(600))
    #expect(try await patient.load(path).routers.map(\.name) == ["a"])
  }
}
