import VIPCore
import VRRP

/// One interface and family: the socket and the virtual routers that share it.
final class Segment {
  let key: SegmentKey
  let transport: any AdvertisementTransport
  /// Counts of received messages that are no router's.
  private(set) var statistics = SegmentStatistics()
  /// The routers that the messages of the batch come from.
  private var senders: [RouterInstance] = []
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

  /// All routers, also those that still hand over.
  var members: [RouterInstance] { routers.compactMap { $0 } + displacedRouters }

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

  /// Puts an advertisement of a router into the batch: to the group, or from a source to one
  /// machine.
  func enqueue(
    _ message: [UInt8], of instance: RouterInstance,
    _ way: (source: IPAddress, destination: IPAddress)? = nil
  ) {
    senders.append(instance)
    instance.sending.add()
    if let way {
      transport.enqueue(message, from: way.source, to: way.destination)
    } else {
      transport.enqueue(message)
    }
  }

  /// Sends the batch, and hands out the routers whose advertisements were in it.
  func flush(at now: Instant, _ body: (RouterInstance) -> Void) {
    transport.flush { place, errorNumber in
      if place < senders.count { senders[place].sending.fail(errorNumber) }
    }
    for instance in senders {
      instance.sending.conclude(at: now)
      body(instance)
    }
    senders.removeAll(keepingCapacity: true)
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
