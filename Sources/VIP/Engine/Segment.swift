import ARP
import Netlink
import VIPCore
import VRRP

/// One interface and family: the socket and the virtual routers that share it.
final class Segment {
  let key: SegmentKey
  let transport: any AdvertisementTransport
  var statistics = SegmentStatistics()
  /// The error number of the last attempt to send, 0 if it worked.
  var sendFailure: Int32 = 0
  /// The routers by VRID.
  private var routers = [RouterInstance?](repeating: nil, count: 256)
  private(set) var routerCount = 0

  init(_ key: SegmentKey, _ transport: any AdvertisementTransport) {
    self.key = key
    self.transport = transport
  }

  func router(_ vrid: UInt8) -> RouterInstance? { routers[Int(vrid)] }

  func add(_ instance: RouterInstance) {
    routers[Int(instance.settings.vrid.rawValue)] = instance
    routerCount += 1
  }

  func remove(_ instance: RouterInstance) {
    guard routers[Int(instance.settings.vrid.rawValue)] === instance else { return }
    routers[Int(instance.settings.vrid.rawValue)] = nil
    routerCount -= 1
  }
}

/// One interface: the way announcements leave, and those that wait to leave.
final class Wire {
  let interfaceIndex: Int32
  let transport: any FrameTransport & FrameReceiver
  var queue: AnnouncementQueue
  var macAddress: MACAddress
  var isRouter: Bool
  var userCount = 0
  /// Whether and how others are listened to, see `Engine+Listening`.
  var listening = Listening()

  init(
    _ interfaceIndex: Int32, _ transport: any FrameTransport & FrameReceiver,
    macAddress: MACAddress, isRouter: Bool, _ announcements: AnnouncementPolicy
  ) {
    self.interfaceIndex = interfaceIndex
    self.transport = transport
    self.macAddress = macAddress
    self.isRouter = isRouter
    queue = AnnouncementQueue(policy: announcements)
  }
}
