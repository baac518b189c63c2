import Foundation
import Testing
import VRRP
import VRRPSimulation

/// Golden runs: `Transcripts/*.txt` are scenarios with their output, and documentation.
///
/// `VIP_UPDATE_TRANSCRIPTS=1` writes what the machine does now into them; then read the difference.
@Suite struct TranscriptTests {
  private static let directory =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Transcripts")

  static let names: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? [])
    .filter { $0.hasSuffix(".txt") }.sorted()

  @Test("There are transcripts")
  func exist() { #expect(Self.names.count >= 15) }

  @Test("A run gives the recorded output", arguments: names)
  func transcript(_ name: String) throws {
    let file = Self.directory.appendingPathComponent(name)
    let recorded = try String(contentsOf: file, encoding: .utf8)
    let transcript = try Transcript(playing: recorded)
    #expect(!transcript.failed, "an expectation failed or a promise was broken")
    if ProcessInfo.processInfo.environment["VIP_UPDATE_TRANSCRIPTS"] == "1" {
      try transcript.text.write(to: file, atomically: true, encoding: .utf8)
    } else {
      #expect(transcript.text == recorded)
    }
  }

  @Test(
    "A mistake in a scenario is reported with its line and column",
    arguments: [
      ("rooter a", "1:1: there is no command 'rooter'"),
      ("router a\nrouter a", "2:8: there is a router 'a' already"),
      ("router none", "1:8: a name has letters, digits, '_' and '.' only"),
      ("router a prio 3", "1:10: there is no setting 'prio'"),
      ("router a priority 0", "1:19: '0' is not a priority from 1 to 255"),
      ("router a priority", "1:18: a priority from 1 to 255 is missing here"),
      (
        "router a interval 15ms",
        "1:19: '15ms' is not an interval: 10ms to 40.95s in steps of 10ms, or 1s to 255s in version 2"
      ),
      ("router a address fe80::1", "1:8: all addresses of 'a' must be IPv4"),
      ("# nothing\n\ntick  soon", "3:7: 'soon' is not a duration such as 250ms"),
      ("tick 1s 2s", "1:9: '2s' is too much here"),
      ("crash z", "1:7: there is no router 'z' yet"),
      ("router a\ndrop a-b", "2:6: 'a-b' is not of the form A->B"),
      ("router a\ndrop a->z", "2:6: there is no router 'z' yet"),
      ("segment loss 101%", "1:14: '101%' is not a probability from 0% to 100%"),
      (
        "segment lost 1%",
        "1:9: 'lost' is none of latency, jitter, loss, duplicate, reorder, corrupt"
      ),
      ("router a\nclock a 2", "2:9: '2' is not a drift from -50% to +50%"),
      ("expect awake none", "1:8: 'awake' is not active, backup or initialize"),
      (
        "router a version 2 interval 100ms",
        "1:8: version 2 needs an interval of whole seconds, 1s to 255s"
      ),
      (
        "router a password x",
        "1:8: version 3 has no authentication (RFC 5798 removed it); remove the password or use version 2"
      ),
      ("router a preempt perhaps", "1:18: 'perhaps' is not on, off or a delay"),
      ("tick # comment", "1:5: a duration such as 250ms is missing here"),
    ])
  func mistakes(text: String, message: String) {
    do {
      _ = try Scenario(parsing: text)
      Issue.record("accepted: \(text)")
    } catch {
      #expect(error.description == message)
    }
  }

  @Test("A failed expectation says what is the case instead")
  func failedExpectation() throws {
    let transcript = try Transcript(playing: "router a\ntick 1s\nexpect active a\n")
    #expect(transcript.failed)
    #expect(transcript.text.hasSuffix("    EXPECTATION FAILED: active none\n"))
  }
}
