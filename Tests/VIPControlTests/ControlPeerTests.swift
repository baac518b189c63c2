import Testing

@testable import VIPControl

/// The command line of the process that asks for something, as it is told.
@Suite struct ControlPeerTests {
  @Test(arguments: [
    ("vipctl\0resign\0web\0", "vipctl resign web"), ("", ""), ("\0\0", ""),
    ("sh\0-c\0a\u{1B}[2J\nb\0", "sh -c a [2J b"), ("vipctl\0resign", "vipctl resign"),
    ("a\u{202E}b\0", "a\\u{202e}b"),
  ])
  func `words become one line that does nothing to a terminal`(bytes: String, text: String) {
    #expect(ControlPeer.text(of: Array(bytes.utf8)) == text)
  }
}
