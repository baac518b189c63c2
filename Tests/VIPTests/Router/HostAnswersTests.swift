import Netlink
import Testing
import VIPCore

@testable import VIP

/// A host's own addresses beside virtual ones, as a value, without an engine.
@Suite struct HostAnswersTests {
  private let eth0 = Link(index: 2, name: "eth0")

  private func candidate(
    _ text: String, on index: Int32 = 2, holder: String? = "eth0", arpIgnore: Int32 = 0
  ) throws -> HostAnswers.Candidate {
    var link = eth0
    link.ipv4[.arpIgnore] = arpIgnore
    let record = AddressRecord(
      interfaceIndex: index, address: try #require(InterfaceAddress(text)))
    return HostAnswers.Candidate(record: record, holder: holder, link: link)
  }

  private func texts(
    _ candidates: [HostAnswers.Candidate], mayAnswer: Bool = false, ofAll: Int = 0
  ) -> [String] {
    var answers = HostAnswers()
    answers.review(candidates, mayAnswer: mayAnswer) { ofAll }
    return answers.current.map(\.text)
  }

  @Test func `an address of the router's interface is told with what to do`() throws {
    #expect(
      try texts([candidate("198.18.0.100/32")]) == [
        "198.18.0.100 is this machine's own address on eth0 too, so it answers for it beside the "
          + "Active; remove it with 'ip address delete 198.18.0.100/32 dev eth0', or make this "
          + "machine the owner (priority 255)"
      ])
  }

  @Test func `a router that may answer is accused of nothing`() throws {
    #expect(try texts([candidate("198.18.0.100/32")], mayAnswer: true) == [])
  }

  @Test func `an address of another interface counts where the kernel answers for it`() throws {
    func told(_ text: String, arpIgnore: Int32 = 0, ofAll: Int = 0) throws -> [String] {
      try texts(
        [candidate(text, on: 7, holder: "dummy0", arpIgnore: arpIgnore)], ofAll: ofAll)
    }
    let text = try #require(try told("198.18.0.100/32").first)
    #expect(text.contains("dev dummy0") && text.hasSuffix("set net.ipv4.conf.eth0.arp_ignore to 1"))
    #expect(try told("198.18.0.100/32", arpIgnore: 1) == [])
    #expect(try told("198.18.0.100/32", ofAll: 1) == [])
    #expect(try told("2001:db8::100/128") == [])
  }

  @Test func `what it proposes can be typed, with a dot in a name, and without a name`() throws {
    let record = AddressRecord(
      interfaceIndex: 7, address: try #require(InterfaceAddress("198.18.0.100/32")))
    #expect(
      HostAnswer.text(record, on: "eth0.200", besides: "eth0.100").hasSuffix(
        "remove it with 'ip address delete 198.18.0.100/32 dev eth0.200', or set "
          + "net.ipv4.conf.eth0/100.arp_ignore to 1"))
    let nameless = HostAnswer.text(record, on: nil, besides: "eth0")
    #expect(nameless.hasPrefix("198.18.0.100 is this machine's own address on interface 7 too, "))
    #expect(nameless.hasSuffix("; remove it there, or set net.ipv4.conf.eth0.arp_ignore to 1"))
  }

  @Test func `the setting for all interfaces is read only where it matters`() throws {
    var answers = HostAnswers()
    var count = 0
    let read = {
      count += 1
      return 0
    }
    let elsewhere = try candidate("198.18.0.100/32", on: 7)
    answers.review([try candidate("198.18.0.100/32")], mayAnswer: false, arpIgnoreOfAll: read)
    answers.review([elsewhere], mayAnswer: true, arpIgnoreOfAll: read)
    #expect(count == 0)
    answers.review([elsewhere], mayAnswer: false, arpIgnoreOfAll: read)
    #expect(count == 1)
  }

  @Test func `each review forgets what the one before has found`() throws {
    let address = try #require(IPAddress("198.18.0.100"))
    var answers = HostAnswers()
    answers.review(
      [try candidate("198.18.0.101/32"), try candidate("198.18.0.100/32")], mayAnswer: false
    ) { 0 }
    #expect(answers.contains(address))
    #expect(answers.current.map(\.address.description) == ["198.18.0.100", "198.18.0.101"])
    answers.review([try candidate("198.18.0.101/32")], mayAnswer: false) { 0 }
    #expect(!answers.contains(address) && answers.current.count == 1)
  }

  @Test func `an interface without a known name is told by its number`() throws {
    let told = try texts([candidate("198.18.0.100/32", on: 9, holder: nil)])
    #expect(told.first?.contains("on interface 9 too") == true)
  }
}
