import ARP
import Netlink
import VIPCore

/// One interface: the way announcements leave and others are heard, and what waits to leave.
final class Wire {
  let interfaceIndex: Int32
  let transport: any FrameTransport & FrameReceiver
  var queue: AnnouncementQueue
  var listening = Listening()
  private(set) var macAddress: MACAddress
  /// Whether Neighbor Advertisements say that this machine is a router.
  private(set) var isRouter: Bool
  private var userCount = 0

  init(
    _ link: Link, _ transport: any FrameTransport & FrameReceiver, isRouter: Bool,
    _ announcements: AnnouncementPolicy
  ) {
    interfaceIndex = link.index
    self.transport = transport
    macAddress = link.macAddress ?? MACAddress(rawValue: 0)
    self.isRouter = isRouter
    queue = AnnouncementQueue(policy: announcements)
  }

  /// Takes in how the kernel describes the interface now.
  func update(_ link: Link, isRouter: Bool) {
    macAddress = link.macAddress ?? MACAddress(rawValue: 0)
    self.isRouter = isRouter
  }

  /// Whether no router uses the interface.
  var isUnused: Bool { userCount == 0 }

  func addUser() { userCount += 1 }
  func removeUser() { userCount -= 1 }
}
