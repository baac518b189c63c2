import Testing
import VIP
import VIPCore
import VRRP

/// What is said of two machines that advertise one VRID.
@Suite struct DifferenceTextTests {
  private static let traits = AdvertisementTraits(
    version: .v3, interval: .default, authentication: .none, checksumForm: .pseudoHeader)

  private func text(
    _ theirs: [String], _ ours: [String], _ traits: AdvertisementTraits = traits
  ) throws -> DifferenceText {
    DifferenceText(
      DifferenceText.Side(
        "192.0.2.8", traits, addresses: try theirs.map { try #require(IPAddress($0)) }),
      with: DifferenceText.Side(
        "192.0.2.9", Self.traits, addresses: try ours.map { try #require(IPAddress($0)) }),
      vrid: try #require(VRID(exactly: 51)))
  }

  private func sentences(_ text: DifferenceText) -> [String] {
    DifferenceText.all.filter(text.findings.contains).compactMap(text.sentence)
  }

  /// Lists of addresses that differ, and what names the difference.
  static let lists: [([Int], [Int], String)] = [
    ([1, 2], [1], "advertises 192.0.2.2 too on VRID 51"),
    ([1], [2, 1], "does not advertise 192.0.2.2 on VRID 51"),
    ([1, 2], [1, 3], "advertises 192.0.2.2 on VRID 51 and not 192.0.2.3"),
    (
      [1, 11, 12, 13, 14, 15], [1],
      "advertises 192.0.2.11, 192.0.2.12, 192.0.2.13 and 2 more too on VRID 51"
    ),
    ([1, 1], [1], "advertises an address more than once on VRID 51"),
  ]

  @Test(arguments: lists)
  func `a list that differs is told with what differs, not with how many`(
    theirs: [Int], ours: [Int], words: String
  ) throws {
    let text = try text(theirs.map { "192.0.2.\($0)" }, ours.map { "192.0.2.\($0)" })
    #expect(
      sentences(text) == [
        "192.0.2.8 \(words), unlike 192.0.2.9; give all machines of the group the same addresses"
      ])
  }

  @Test func `nothing is told of what is the same`() throws {
    #expect(sentences(try text(["192.0.2.1", "192.0.2.2"], ["192.0.2.2", "192.0.2.1"])) == [])
  }

  @Test func `each difference has its sentence, which names both`() throws {
    var other = AdvertisementTraits(
      version: .v3, interval: try #require(AdvertisementInterval("500ms")),
      authentication: .simpleText(try #require(Authentication.Password("sesame"))),
      checksumForm: .message)
    let all = sentences(try text(["192.0.2.77"], ["192.0.2.1"], other))
    #expect(
      all == [
        "192.0.2.8 advertises other addresses on VRID 51 than 192.0.2.9 (192.0.2.77); two groups use "
          + "this VRID, choose one that is free for one of them",
        "192.0.2.8 authenticates itself otherwise than 192.0.2.9; they ignore each other, set the same "
          + "password on all, or none",
        "192.0.2.8 advertises every 500ms, 192.0.2.9 every 1s; set the same interval on all",
        "192.0.2.8 sends checksums of the form message, 192.0.2.9 pseudo-header; some programs accept "
          + "only one, set the same form on all",
      ])
    other.version = .v2
    #expect(
      sentences(try text(["192.0.2.1"], ["192.0.2.1"], other)).first
        == "192.0.2.8 speaks VRRPv2, 192.0.2.9 VRRPv3; they don't hear each other, set the same "
        + "version on all")
    #expect(try text([], [], other).sentence(.twoActives) == nil)
  }
}
