import Testing
import VIPCore

@testable import VIP

/// Why advertisements are not delivered, as a value, without an engine.
@Suite struct UndeliveredCauseTests {
  private static let source = IPAddress.v4(IPv4Address(198, 18, 0, 9))

  private func cause(
    of source: IPAddress = source, isOwn: Bool = false, filter: Int? = nil, isNear: Bool = false,
    hasLost: Bool = false
  ) -> UndeliveredCause {
    UndeliveredCause(
      of: source, isOwn: isOwn, filter: filter, isNear: { _ in isNear }, hasLost: hasLost)
  }

  @Test func `an address of this machine comes before all other causes`() {
    #expect(cause(isOwn: true, filter: 1, hasLost: true) == .ownAddress)
  }

  @Test func `the check of sources is the cause only of IPv4 from elsewhere`() throws {
    let link = try #require(IPAddress("fe80::9"))
    #expect(cause(filter: 2, hasLost: true) == .reversePathFilter(mode: 2))
    #expect(cause(filter: 2, isNear: true) == .firewall)
    #expect(cause() == .firewall)
    #expect(cause(of: link, filter: 2) == .firewall)
  }

  @Test func `a firewall is the cause where nothing was lost on the way to the process`() {
    #expect(cause(hasLost: true) == .notRead && cause(hasLost: false) == .firewall)
  }

  @Test func `what does not matter is not asked for`() {
    var asked: [String] = []
    func note<Value>(_ what: String, _ value: Value) -> Value {
      asked.append(what)
      return value
    }
    _ = UndeliveredCause(
      of: Self.source, isOwn: true, filter: note("filter", 1), isNear: { _ in note("near", true) },
      hasLost: note("lost", true))
    #expect(asked == [])
    _ = UndeliveredCause(
      of: Self.source, isOwn: false, filter: note("filter", nil),
      isNear: { _ in note("near", true) }, hasLost: note("lost", true))
    #expect(asked == ["filter", "lost"])
  }

  @Test func `each cause is told with the sender and what to do`() throws {
    var sightings = GroupSightings()
    for time in [0, 1] {
      _ = sightings.saw(
        Self.source, MACAddress(2, 0, 0, 0, 0, 9), at: Instant.zero + .seconds(time))
    }
    let sender = try #require(sightings.unheard)
    let vrid = try #require(VRID(exactly: 51))
    let start =
      "advertisements for VRID 51 from 198.18.0.9 (02:00:00:00:00:09) reach eth0 and are not "
      + "delivered: "
    let causes: [(UndeliveredCause, String)] = [
      (
        .ownAddress,
        "198.18.0.9 is this machine's own address too; give one of the two machines another"
      ),
      (
        .notRead,
        "this process does not read them in time, and the kernel drops them; see what keeps it from "
          + "running"
      ),
      (.firewall, "this machine's firewall drops them; let protocol 112 in on eth0"),
    ]
    for (cause, text) in causes {
      #expect(cause.text(sender, vrid, on: "eth0") == start + text)
    }
    let filtered = UndeliveredCause.reversePathFilter(mode: 1).text(sender, vrid, on: "eth0")
    #expect(filtered.hasPrefix(start) && filtered.contains("(rp_filter 1) drops them"))
  }
}
