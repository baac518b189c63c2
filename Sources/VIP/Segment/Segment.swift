import VIPCore
import VRRP

/// One interface and family: the socket and the virtual routers that share it.
final class Segment {
  let key: SegmentKey
  let transport: any AdvertisementTransport
  /// What was received that is no router's.
  private(set) var statistics = SegmentStatistics()
  private var socketFailure = SendFailure()
  private var frameFailure = SendFailure()
  /// The routers by VRID.
  private var routers = [RouterInstance?](repeating: nil, count: 256)
  private(set) var routerCount = 0
  /// Routers that leave, and whose VRID another one has by now: it hears for them.
  private var displacedRouters: [RouterInstance] = []

  init(_ key: SegmentKey, _ transport: any AdvertisementTransport) {
    self.key = key
    self.transport = transport
  }

  func router(_ vrid: UInt8) -> RouterInstance? { routers[Int(vrid)] }

  /// The routers that had a VRID before and still hand over.
  func displaced(_ vrid: VRID) -> [RouterInstance] {
    displacedRouters.isEmpty ? [] : displacedRouters.filter { $0.settings.vrid == vrid }
  }

  func add(_ instance: RouterInstance) {
    let place = Int(instance.settings.vrid.rawValue)
    if let former = routers[place] { displacedRouters.append(former) }
    routers[place] = instance
    routerCount += 1
  }

  func remove(_ instance: RouterInstance) {
    if let place = displacedRouters.firstIndex(where: { $0 === instance }) {
      displacedRouters.remove(at: place)
      routerCount -= 1
      return
    }
    guard routers[Int(instance.settings.vrid.rawValue)] === instance else { return }
    routers[Int(instance.settings.vrid.rawValue)] = nil
    routerCount -= 1
  }

  // MARK: Sending

  /// How advertisements leave.
  enum Way {
    /// By the socket.
    case socket
    /// As frames with a virtual MAC address.
    case frames
  }

  /// Records the result of sending: 0, or the error number.
  func recordSending(_ result: Int32, by way: Way) {
    switch way {
    case .socket: socketFailure.record(result)
    case .frames: frameFailure.record(result)
    }
  }

  /// Ends the sending of a turn.
  ///
  /// - Returns: what has changed by it.
  @discardableResult
  func concludeSending(by way: Way, at now: Instant) -> SendFailure.News? {
    switch way {
    case .socket: socketFailure.conclude(at: now)
    case .frames: frameFailure.conclude(at: now)
    }
  }

  /// The routers whose advertisements leave in one way, by VRID.
  func routers(sendingBy way: Way) -> [RouterInstance] {
    routers.compactMap { $0 }.filter { $0.settings.virtualMAC == (way == .frames) }
  }

  /// The error number with which a router's advertisements fail to be sent; 0 if they don't.
  func sendFailure(of instance: RouterInstance) -> Int32 {
    sendFailure(by: instance.settings.virtualMAC ? .frames : .socket)
  }

  /// The error number with which advertisements fail to be sent in one way; 0 if they don't.
  func sendFailure(by way: Way) -> Int32 {
    switch way {
    case .socket: socketFailure.errorNumber
    case .frames: frameFailure.errorNumber
    }
  }

  /// Since when a router's advertisements fail to be sent; `nil` if they don't.
  func sendFailingSince(of instance: RouterInstance) -> Instant? {
    instance.settings.virtualMAC ? frameFailure.failingSince : socketFailure.failingSince
  }

  // MARK: Receiving

  /// Counts an advertisement that is for no router here.
  func countUnaddressed() { statistics.vridErrors += 1 }

  /// Counts a message that is no advertisement.
  ///
  /// - Returns: whether it counts here, and not with the router that it names.
  func count(_ error: AdvertisementError) -> Bool { statistics.count(error) }

  /// Counts a message that is no advertisement and names no router.
  func countUnreadable() { statistics.packetLengthErrors += 1 }
}
