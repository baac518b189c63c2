import Testing
import VIPCore

@testable import VIP

/// What is beside a router's addresses, as a value.
@Suite struct ExtrasTests {
  private let now = Instant(nanoseconds: 10_000_000_000)

  private func address(_ text: String, on interface: String = "lo") throws -> Extra {
    .address(try #require(InterfaceAddress(text)), interface: interface)
  }

  private func route(_ text: String) throws -> Extra { .route(try #require(VirtualRoute(text))) }

  private func positions(
    _ extras: Extras, _ kind: AddressWork.Kind, isHolding: Bool, isKept: Bool? = nil
  ) -> [Int] {
    extras.due(
      for: kind, isKept: isKept ?? isHolding, isHolding: isHolding, from: 0, atMost: 100
    ).positions
  }

  @Test func `put up in order and removed in reverse, and only in their time`() throws {
    var extras = Extras([try address("10.0.0.1/32"), try route("0.0.0.0/0 via 10.0.0.9")])
    #expect(positions(extras, .install, isHolding: false) == [])
    #expect(positions(extras, .install, isHolding: true) == [0, 1])
    #expect(!extras.isAnyInstalled)
    #expect(extras.installed(0, .refreshed(at: now)) == false)
    #expect(extras.installed(1, .endless) == false)
    #expect(positions(extras, .install, isHolding: true) == [])
    #expect(positions(extras, .refresh, isHolding: true) == [0, 1])
    #expect(positions(extras, .remove, isHolding: false, isKept: true) == [], "a handover")
    #expect(positions(extras, .remove, isHolding: false) == [1, 0])
    extras.removed(1)
    extras.removed(0, isReported: true)
    #expect(!extras.isAnyInstalled)
  }

  @Test func `a pass is bounded and goes on where it was`() throws {
    let extras = Extras(try (1...5).map { try address("10.0.0.\($0)/32") })
    let first = extras.due(for: .install, isKept: true, isHolding: true, from: 0, atMost: 2)
    #expect(first.positions == [0, 1] && first.next == 2)
    let rest = extras.due(
      for: .install, isKept: true, isHolding: true, from: try #require(first.next), atMost: 9)
    #expect(rest.positions == [2, 3, 4] && rest.next == nil)
  }

  @Test func `its own removal is no loss, another program's is`() throws {
    var extras = Extras([try address("10.0.0.1/32")])
    _ = extras.installed(0, .endless)
    extras.removed(0, isReported: true)
    _ = extras.installed(0, .endless)
    #expect(extras.reportedGone(0, at: now, isHolding: true) == .expected)
    #expect(
      extras.reportedGone(0, at: now, isHolding: true)
        == .held(isDueNow: true, isFight: false))
    #expect(positions(extras, .install, isHolding: true) == [0])
    let isRepaired = extras.installed(0, .endless)
    #expect(isRepaired)
    #expect(
      extras.reportedGone(0, at: now + .seconds(1), isHolding: true)
        == .held(isDueNow: false, isFight: false))
    #expect(positions(extras, .install, isHolding: true) == [], "later from the second time on")
    #expect(extras.deadline == now + .milliseconds(1200))
  }

  @Test func `a refusal is told once and tried again`() throws {
    var extras = Extras([try route("0.0.0.0/0 via 10.0.0.9")])
    let isNews = extras.refused(0, "no", retryAt: now + .seconds(1))
    #expect(isNews)
    let isNews2 = extras.refused(0, "no", retryAt: now + .seconds(2))
    #expect(!isNews2)
    #expect(positions(extras, .install, isHolding: true) == [])
    #expect(extras.deadline == now + .seconds(2))
    #expect(extras.takeRetries(by: now + .seconds(1)) == (false, false))
    #expect(extras.takeRetries(by: now + .seconds(2)) == (true, false))
    #expect(positions(extras, .install, isHolding: true) == [0])
    extras.letGo()
    #expect(extras.all[0].failure == nil && extras.deadline == nil)
  }

  @Test func `what is not wanted any more is retired until it is gone`() throws {
    let (kept, gone) = (try address("10.0.0.1/32"), try address("10.0.0.2/32"))
    var extras = Extras([kept, gone])
    for position in 0...1 { _ = extras.installed(position, .endless) }
    let new = try route("10.9.0.0/16 dev lo")
    let hasChanged = extras.arrange([new, kept])
    #expect(hasChanged)
    let hasChanged2 = extras.arrange([new, kept])
    #expect(!hasChanged2)
    #expect(extras.all.map(\.extra) == [new, kept, gone])
    #expect(positions(extras, .install, isHolding: true) == [0])
    #expect(positions(extras, .retire, isHolding: true) == [2])
    extras.removed(2)
    extras.dropRetired()
    #expect(extras.all.map(\.extra) == [new, kept])
  }

  @Test func `routes are looked at while they are there`() throws {
    var extras = Extras([try address("10.0.0.1/32"), try route("0.0.0.0/0 via 10.0.0.9")])
    _ = extras.installed(0, .endless)
    extras.scheduleLook(after: now)
    #expect(extras.deadline == nil, "the kernel tells of addresses")
    _ = extras.installed(1, .endless)
    extras.scheduleLook(after: now)
    #expect(extras.takeLook(at: now) == [])
    #expect(extras.deadline == now + Extras.period)
    #expect(extras.takeLook(at: now + Extras.period) == [1])
    #expect(extras.deadline == nil)
  }

  @Test func `an interface takes along what was on it`() throws {
    var extras = Extras([
      try address("10.0.0.1/32"), try address("10.0.0.2/32", on: "eth1"),
      try route("10.9.0.0/16 dev eth1"),
    ])
    for position in 0...2 { _ = extras.installed(position, .endless) }
    extras.interfaceVanished { $0 == "eth1" }
    #expect(extras.all.map(\.isInstalled) == [true, false, false])
  }

  @Test func `another router goes on with one`() throws {
    let extra = try address("10.0.0.1/32")
    var (former, heir) = (Extras([extra]), Extras([extra]))
    _ = former.installed(0, .refreshed(at: now))
    former.pass(0, to: &heir)
    #expect(!former.isAnyInstalled && heir.isAnyInstalled)
  }
}

/// Routes and rules as texts, and what can be wrong with them.
@Suite struct VirtualRouteTests {
  @Test(arguments: [
    "0.0.0.0/0 via 192.0.2.1", "198.18.5.0/24 dev eth1",
    "198.18.5.0/24 via 192.0.2.1 dev eth1 src 192.0.2.10 metric 100 table 100 scope link",
    "2001:db8::/32 via fe80::1 dev eth1",
  ])
  func `a route is read as it is written`(_ text: String) throws {
    let route = try #require(VirtualRoute(text))
    #expect(route.description == text && route.problem == nil)
  }

  @Test(arguments: [
    "from 192.0.2.10/32 table 100 priority 1000",
    "from 192.0.2.10/32 to 10.0.0.0/8 fwmark 7 table 100 priority 1",
    "fwmark 7 table 254 priority 32765",
  ])
  func `a rule is read as it is written`(_ text: String) throws {
    let rule = try #require(VirtualRule(text))
    #expect(rule.description == text && rule.problem == nil)
  }

  @Test(arguments: [
    "", " ", "0.0.0.0/0 via", "0.0.0.0/0 via x", "0.0.0.0/0  via 192.0.2.1",
    "default via 192.0.2.1",
    "0.0.0.0/0 via 192.0.2.1 metric -1", "0.0.0.0/0 colour red",
  ])
  func `no route`(_ text: String) { #expect(VirtualRoute(text) == nil) }

  @Test(arguments: [
    ("198.18.5.1/24 dev eth1", "198.18.5.0/24"), ("198.18.5.0/24", "'via' or 'interface'"),
    ("198.18.5.0/24 via fe80::1 dev eth1", "different families"),
    ("2001:db8::/32 via fe80::1", "link-local"), ("198.18.5.0/24 dev eth1 table 255", "kernel's"),
    ("2001:db8::/32 dev eth1 scope link", "no scope"), ("224.0.0.0/4 dev eth1", "no destination"),
    ("198.18.5.0/24 dev eth1 src 0.0.0.0", "no address"),
  ])
  func `a route that makes no sense`(_ text: String, _ words: String) throws {
    let route = try #require(VirtualRoute(text))
    let problem = try #require(route.problem)
    #expect(problem.contains(words), "\(problem)")
  }

  @Test(arguments: [
    ("table 100 priority 5", "for all packets"),
    ("from 10.0.0.1/8 table 1 priority 5", "10.0.0.0/8"),
    ("from 10.0.0.1/32 to ::1/128 table 1 priority 5", "families"),
    ("from 10.0.0.1/32 table 1 priority 0", "between 1 and 32765"),
    ("from 10.0.0.1/32 table 0 priority 9", "table 0"), ("fwmark 0 table 1 priority 9", "mark"),
  ])
  func `a rule that makes no sense`(_ text: String, _ words: String) throws {
    let rule = try #require(VirtualRule(text))
    let problem = try #require(rule.problem)
    #expect(problem.contains(words), "\(problem)")
  }
}
