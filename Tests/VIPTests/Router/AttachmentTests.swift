import Netlink
import Testing
import VIPCore

@testable import VIP

/// The interfaces of a virtual router, without an engine.
@Suite struct AttachmentTests {
  private func macvlan() throws -> RouterMacvlan {
    RouterMacvlan(name: "vip4-2-51", try #require(VRID(exactly: 51)), .ipv4)
  }

  @Test func `addresses are on the interface itself, where they can always be reached`() throws {
    var attachment = Attachment(usesMacvlan: false)
    #expect(attachment.link == nil && attachment.addressInterface == nil)
    attachment.attach(to: Link(index: 2, name: "eth0"))
    attachment.attach(to: Link(index: 2, name: "eth0", mtu: 1400))
    #expect(attachment.link?.mtu == 1400 && attachment.addressInterface == 2)
    #expect(attachment.isReachable)
    attachment.detach()
    #expect(attachment.link == nil && attachment.addressInterface == nil)
  }

  @Test func `with a macvlan they are there, once it is made, and reached while it is on`() throws {
    var attachment = Attachment(usesMacvlan: true)
    attachment.attach(to: Link(index: 2, name: "eth0"))
    let answer: Void? = attachment.tellMacvlan { $0.created(index: 7) }
    #expect(answer == nil, "there is none")
    attachment.add(try macvlan())
    #expect(attachment.addressInterface == nil && !attachment.isReachable)
    _ = attachment.tellMacvlan { $0.created(index: 7) }
    #expect(attachment.addressInterface == 7 && !attachment.isReachable)
    _ = attachment.tellMacvlan { $0.switchedOn(addresses: 1, hasLeases: false, at: .zero) }
    #expect(attachment.isReachable)
    attachment.dropMacvlan()
    #expect(attachment.addressInterface == nil && !attachment.isReachable)
    #expect(attachment.link?.index == 2)
  }

  @Test func `a macvlan belongs to one of two routers`() throws {
    var former = Attachment(usesMacvlan: true)
    var heir = Attachment(usesMacvlan: true)
    former.add(try macvlan())
    _ = former.tellMacvlan { $0.created(index: 7) }
    heir.takeMacvlan(of: &former)
    #expect(heir.addressInterface == 7 && former.macvlan == nil)
    #expect(former.addressInterface == nil)
  }
}
