import Testing
import VIPCore

@testable import VIP

/// What a router knows of the routes to its subnets, by itself.
@Suite struct SubnetRoutesValueTests {
  private func place(_ text: String) throws -> InterfaceAddress {
    try #require(InterfaceAddress(text))
  }

  private func list(_ texts: [String]) throws -> [InterfaceAddress] { try texts.map(place) }

  private func addresses(
    _ texts: [String], _ place: VirtualAddress.Place = .here(.endless)
  ) throws -> VirtualAddresses {
    VirtualAddresses(try list(texts)) { _ in place }
  }

  private func routes(_ texts: [String]) throws -> SubnetRoutes {
    var routes = SubnetRoutes()
    routes.update(try addresses(texts))
    return routes
  }

  @Test func `a route is new once, and new again when it was forgotten`() throws {
    var routes = try routes(["2001:db8::10/64"])
    let subnet = try place("2001:db8::/64")
    var isNew = routes.noteMade(subnet)
    #expect(isNew && routes.made == [subnet] && routes.known == [subnet])
    isNew = routes.noteMade(subnet)
    #expect(!isNew)
    var was = routes.forget(subnet)
    #expect(was && routes.made.isEmpty && routes.known.isEmpty)
    was = routes.forget(subnet)
    #expect(!was)
    isNew = routes.noteMade(subnet)
    #expect(isNew)
  }

  @Test func `only a route that has been in use can be missing`() throws {
    var routes = try routes(["2001:db8::10/64"])
    let subnet = try place("2001:db8::/64")
    routes.adopt([try place("2001:db8::10/64")])
    #expect(routes.made == [subnet] && !routes.wasInUse(subnet))
    routes.noteUse(subnet)
    #expect(routes.wasInUse(subnet))
    var other = SubnetRoutes()
    other.inherit(routes)
    #expect(other.wasInUse(subnet))
    _ = routes.forget(subnet)
    #expect(!routes.wasInUse(subnet))
  }

  @Test func `a refusal ends with a route, and when it is forgotten`() throws {
    var routes = try routes(["2001:db8::10/64", "2001:db8:1::10/64", "2001:db8:2::9/128"])
    let (first, second) = (try place("2001:db8::/64"), try place("2001:db8:1::/64"))
    let single = try place("2001:db8:2::9/128")
    for place in [single, second, first] { routes.noteRefusal(place, "no way to \(place)") }
    #expect(routes.failures.map(\.place) == [first, second, single], "in the order of addresses")
    #expect(routes.failures.last?.text == "no way to \(single)")
    #expect(
      routes.known == [first, second], "an address that names no network is looked at anyway")
    _ = routes.noteMade(first)
    #expect(routes.failure(first) == nil && routes.failure(second) == "no way to \(second)")
    _ = routes.forget(second)
    #expect(routes.failures.map(\.place) == [single])
    routes.forgetRefusals()
    #expect(routes.failures.isEmpty && routes.failure(single) == nil)
    #expect(routes.made == [first], "a route stays")
  }

  @Test func `what is wrong with a place ends when no address needs it any more`() throws {
    let texts = ["2001:db8::10/64", "2001:db8:1::10/64", "2001:db8:2::9/128", "2001:db8:3::9/128"]
    let all = try list(texts)
    var addresses = try addresses(texts)
    var routes = SubnetRoutes()
    routes.update(addresses)
    for place in routes.places { routes.noteRefusal(place, "no way") }
    _ = addresses.retire(keeping: [all[1], all[3]])
    routes.update(addresses)
    #expect(routes.failures.map(\.place) == [try place("2001:db8:1::/64"), all[3]])
    #expect(routes.failure(try place("2001:db8::/64")) == nil && routes.failure(all[2]) == nil)
  }

  @Test func `a route goes when the last address of its subnet has left the interface`() throws {
    let texts = ["2001:db8:2::10/64", "2001:db8:1::10/64", "2001:db8:3::10/64"]
    let all = try list(texts)
    let subnets = all.map(\.network)
    var addresses = try addresses(texts)
    var routes = SubnetRoutes()
    routes.update(addresses)
    for subnet in subnets { _ = routes.noteMade(subnet) }
    #expect(routes.superfluous(addresses).isEmpty)
    _ = addresses.retire(keeping: [all[2]])
    routes.update(addresses)
    #expect(routes.superfluous(addresses).isEmpty, "they are still there")
    addresses.removed(try #require(addresses.position(of: all[0])))
    #expect(routes.superfluous(addresses) == [subnets[0]])
    addresses.removed(try #require(addresses.position(of: all[1])))
    #expect(routes.superfluous(addresses) == [subnets[1], subnets[0]], "in order")
    #expect(routes.possible == Set(subnets), "they are there until they are forgotten")
    _ = routes.forget(subnets[0])
    #expect(routes.superfluous(addresses) == [subnets[1]])
  }

  @Test func `a subnet that was not reviewed yet may have a route after the next review`() throws {
    let routes = try routes(["2001:db8::10/64", "2001:db8:2::9/128"])
    #expect(routes.known.isEmpty)
    #expect(routes.possible == [try place("2001:db8::/64")])
  }

  @Test func `routes of another router, or of an earlier life, are this router's too`() throws {
    var routes = try routes(["2001:db8::10/64"])
    let here = try place("2001:db8::/64")
    _ = routes.noteMade(here)
    var other = SubnetRoutes()
    other.adopt(try list(["2001:db8:1::10/64", "2001:db8:2::9/128", "198.18.0.1/32"]))
    let there = try place("2001:db8:1::/64")
    #expect(other.made == [there], "an address that names no network has none")
    routes.inherit(other)
    #expect(routes.made == [here, there])
    #expect(routes.superfluous(try addresses(["2001:db8::10/64"])) == [there])
  }

  @Test func `addresses of the link and without any prefix need nothing`() throws {
    #expect(try routes(["fe80::10/64", "2001:db8::9/0"]).places.isEmpty)
  }
}
