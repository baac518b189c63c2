import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// The names that a node claims, without an engine.
@Suite struct NameClaimsTests {
  private let platform = FakePlatform()
  private let claims: NameClaims
  private let vrid: VRID

  init() throws {
    claims = NameClaims(platform)
    vrid = try #require(VRID(exactly: 51))
  }

  @Test func `a name is given up with its last use`() throws {
    #expect(try claims.claim("a") && claims.claim("a"))
    claims.release("a")
    #expect(platform.names == ["a"])
    claims.release("a")
    #expect(platform.names.isEmpty)
  }

  @Test func `a router's group is claimed once and given up once`() throws {
    try claims.claimGroup(vrid, .ipv4, on: FakePlatform.eth0, for: 3)
    #expect(claims.group(of: 3) == "vip4-2-51" && claims.group(of: 4) == nil)
    // What clears away a dead node's macvlan needs the name, too.
    #expect(try claims.claim("vip4-2-51"))
    claims.releaseGroup(of: 4)
    claims.releaseGroup(of: 3)
    claims.releaseGroup(of: 3)
    #expect(claims.group(of: 3) == nil && platform.names == ["vip4-2-51"])
    claims.release("vip4-2-51")
    #expect(platform.names.isEmpty)
  }

  @Test func `a group that another process has is not this node's, and the process is told`() throws
  {
    platform.foreignNames = ["vip4-2-51"]
    platform.foreignHolder = NameHolder(pid: 4711, user: 0)
    let refusal = #expect(throws: NodeError.self) {
      try claims.claimGroup(vrid, .ipv4, on: FakePlatform.eth0, for: 3)
    }
    #expect(
      refusal?.description.contains("(process 4711 of user 0) serves VRID 51 of IPv4") == true)
    #expect(claims.group(of: 3) == nil)
    try claims.claimGroup(vrid, .ipv6, on: FakePlatform.eth0, for: 3)
    #expect(platform.names == ["vip6-2-51"])
  }
}
