import Testing
import VIPTesting

@Suite struct StoryParserTests {
  @Test(
    "A mistake in a story is reported with its line",
    arguments: [
      ("nod a", "1: there is no command 'nod'"),
      ("node a\nnode a", "2: there is a node 'a' already"),
      ("node none", "1: a name has letters and digits only"),
      ("kill a", "1: there is no node 'a' yet"),
      ("node a\nup a web", "2: an address is missing"),
      ("node a\nup a web 192.0.2.10/24 prio 3", "2: 'prio' is not a setting"),
      ("node a\nup a web 192.0.2.10/24 priority 0", "2: '0' is no value for priority"),
      (
        "node a\nrefuse a everything 1s",
        "2: 'everything' is not install, remove, link, send, permission, neighbours, announce or open"
      ),
      ("tick soon", "1: 'soon' is not a duration such as 250ms"),
      ("tick", "1: a duration such as 250ms is missing at the end"),
      ("tick 1s 2s", "1: '2s' is too much here"),
      (
        "node a\nlink a eth0 sideways",
        "2: 'sideways' is not down, up, no-carrier, carrier, gone, new, joins, strays, mtu-576 or mtu-1500"
      ),
      ("node a\ndrop a->z", "2: there is no node 'z' yet"),
      (
        "segment lost 1%", "1: 'lost' is none of latency, jitter, loss, duplicate, reorder, corrupt"
      ),
      (
        "expect asleep none",
        "1: 'asleep' is none of holder, served, active, backup, initialize, untouched, overlap, "
          + "outage"
      ),
      ("node a\nfitness a web health ill", "2: 'ill' is none of fit, weaker, stronger and unfit"),
      ("node a\nfitness a web health weaker 0", "2: '0' is not a number from 1 to 254"),
      ("node a lease 1s", "1: '1s' is not a lease of 2s to 1h, auto or off"),
      (
        "stranger sleeps", "1: 'sleeps' is none of has, leaves, announces, advertises, falls silent"
      ),
    ])
  func mistakes(text: String, message: String) {
    do {
      _ = try Story(parsing: text)
      Issue.record("accepted: \(text)")
    } catch {
      #expect(error.description == message)
    }
  }

  @Test("A failed expectation says what is the case instead")
  func failedExpectation() throws {
    let transcript = try StoryTranscript(
      playing: "node a\nup a web 192.0.2.10/24\ntick 10s\nexpect holder 192.0.2.10 none\n")
    #expect(transcript.failed)
    #expect(transcript.text.hasSuffix("    EXPECTATION FAILED: a\n"))
  }

  @Test("Changes of a file, events of sockets and measured bounds read back as they are written")
  func rareWords() throws {
    let text = """
      node a
      link a eth1 joins
      link a eth1 strays
      fitness a web health unfit
      fitness a web health weaker 20
      fitness a web health fit
      link a eth0 mtu-576
      host a forgets groups
      refuse a permission 1s
      refuse a neighbours 1s
      edit a
      reload a
      expect overlap 192.0.2.10 1s
      expect outage 192.0.2.10 100ms

      """
    #expect(try Story(parsing: text).description == text)
  }

  @Test("A change of a file takes effect when the node is told to read it")
  func editedFile() throws {
    let transcript = try StoryTranscript(
      playing: """
        node a
        up a web 192.0.2.10/24
        tick 10s
        edit a
        add a web 192.0.2.11/24
        up a db 192.0.2.12/24 vrid 52
        tick 10s
        expect holder 192.0.2.11 none
        reload a
        tick 10s
        expect holder 192.0.2.11 a
        expect holder 192.0.2.12 a
        edit a
        down a web
        reload a
        tick 10s
        expect holder 192.0.2.10 none
        expect holder 192.0.2.12 a

        """)
    #expect(!transcript.failed, "\(transcript)")
  }
}
