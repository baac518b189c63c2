import VIPCore
import VRRP

/// One interface and family: the socket and the virtual routers that share it.
final class Segment {
  let key: SegmentKey
  let transport: any AdvertisementTransport
  var statistics = SegmentStatistics()
  /// Whether advertisements get out by the socket, and as frames with a virtual MAC address.
  var socketFailure = SendFailure()
  var frameFailure = SendFailure()
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

  /// The routers whose advertisements leave as frames, or those of the socket, by VRID.
  func routers(sendingFrames isFrame: Bool) -> [RouterInstance] {
    routers.compactMap { $0 }.filter { $0.settings.virtualMac == isFrame }
  }

  /// The error number with which a router's advertisements fail to be sent; 0 if they don't.
  func sendFailure(of instance: RouterInstance) -> Int32 {
    instance.settings.virtualMac ? frameFailure.errorNumber : socketFailure.errorNumber
  }
}
