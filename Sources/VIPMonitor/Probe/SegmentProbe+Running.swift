public import ARP
import Glibc
public import Netlink
public import VIP
public import VIPCore

extension SegmentProbe {
  /// A segment and the routers that are to run there.
  public struct Place {
    /// The interface; up, and an Ethernet.
    public let link: Link
    /// The routers.
    public let routers: [RouterConfiguration]

    /// Makes a place.
    public init(_ link: Link, _ routers: [RouterConfiguration]) {
      self.link = link
      self.routers = routers
    }
  }

  /// An interface that is open for probing.
  private struct OpenSegment {
    let transport: PcapTransport
    /// A switch that looks into IGMP and MLD sends advertisements only to those who have joined.
    let memberships: [AdvertisementSocket]
    var probe: SegmentProbe
  }

  /// Probes several segments at once; blocks for about a second, longer with longer intervals.
  ///
  /// - Parameters:
  ///   - places: the segments.
  ///   - ownMACs: all Ethernet addresses of this machine.
  /// - Returns: what was learned, in the order of the places.
  /// - Throws: why frames can't be sent or received there. Needs CAP_NET_RAW.
  public static func probe(
    _ places: [Place], ownMACs: Set<MACAddress>
  ) throws(FrameError) -> [[Outcome]] {
    var segments: [OpenSegment] = []
    for place in places {
      let name = place.link.name
      guard let mac = place.link.macAddress else {
        throw FrameError(
          interface: name, operation: "ask", cause: .unsuitable, message: "it is no Ethernet")
      }
      let transport = try PcapTransport(interface: name, receiving: .segment)
      let families = Set(place.routers.flatMap(\.families))
      segments.append(
        OpenSegment(
          transport: transport,
          memberships: families.compactMap { try? AdvertisementSocket(place.link, $0) },
          probe: SegmentProbe(place.routers, from: mac, ownMACs: ownMACs)))
    }
    for index in segments.indices { segments[index].probe.begin(at: bootTime()) }
    while segments.contains(where: { !$0.probe.isOver }) {
      for index in segments.indices {
        for frame in segments[index].probe.takeDue(by: bootTime()) {
          do throws(FrameError) {
            try segments[index].transport.send(frame)
          } catch {
            // What is lost here may as well have been lost on the way.
            guard error.isTransient else { throw error }
          }
        }
      }
      wait(for: segments)
      for index in segments.indices {
        try segments[index].transport.drain(limit: 512) { segments[index].probe.observe($0) }
      }
    }
    return segments.map(\.probe.outcomes)
  }

  private static func wait(for segments: [OpenSegment]) {
    guard let deadline = segments.compactMap(\.probe.deadline).min() else { return }
    var descriptors = segments.map {
      pollfd(fd: $0.transport.fileDescriptor, events: Int16(POLLIN), revents: 0)
    }
    let left = deadline.nanoseconds(since: bootTime())
    _ = poll(&descriptors, nfds_t(descriptors.count), Int32(clamping: left / 1_000_000 + 1))
  }
}
