package import ARP
import Glibc
package import Netlink
package import VIPCore
import VRRP

extension SegmentProbe {
  /// A segment and who is to run there.
  package struct Place {
    /// The interface; up, and an Ethernet.
    package let link: Link
    /// The routers.
    package let routers: [RouterConfiguration]

    /// Makes a place.
    package init(_ link: Link, _ routers: [RouterConfiguration]) {
      self.link = link
      self.routers = routers
    }
  }

  /// An interface that is open for asking.
  private struct Inquiry {
    let transport: PcapTransport
    /// A switch that looks into IGMP and MLD sends advertisements only to those who have joined.
    let memberships: [AdvertisementSocket]
    var probe: SegmentProbe
  }

  /// Asks several segments at once; blocks for about a second, longer with longer intervals.
  ///
  /// - Parameters:
  ///   - places: the segments.
  ///   - ownMACs: all Ethernet addresses of this machine.
  /// - Returns: the findings, in the order of the places.
  /// - Throws: why frames can't be sent or received there. Needs CAP_NET_RAW.
  package static func ask(
    _ places: [Place], ownMACs: Set<MACAddress>
  ) throws(FrameError) -> [[Finding]] {
    var inquiries: [Inquiry] = []
    for place in places {
      let name = place.link.name
      guard let mac = place.link.macAddress else {
        throw FrameError(
          interface: name, operation: "ask", cause: .unsuitable, message: "it is no Ethernet")
      }
      let transport = try PcapTransport(interface: name, receiving: .segment)
      let families = Set(place.routers.flatMap(\.families))
      inquiries.append(
        Inquiry(
          transport: transport,
          memberships: families.compactMap { try? AdvertisementSocket(place.link, $0) },
          probe: SegmentProbe(place.routers, from: mac, ownMACs: ownMACs)))
    }
    for index in inquiries.indices { inquiries[index].probe.begin(at: bootTime()) }
    while inquiries.contains(where: { !$0.probe.isOver }) {
      for index in inquiries.indices {
        for question in inquiries[index].probe.takeDue(by: bootTime()) {
          do throws(FrameError) {
            try inquiries[index].transport.send(question)
          } catch {
            // What is lost here may as well have been lost on the way.
            guard error.isTransient else { throw error }
          }
        }
      }
      wait(for: inquiries)
      for index in inquiries.indices {
        try inquiries[index].transport.drain(limit: 512) { inquiries[index].probe.observe($0) }
      }
    }
    return inquiries.map(\.probe.findings)
  }

  private static func wait(for inquiries: [Inquiry]) {
    guard let deadline = inquiries.compactMap(\.probe.deadline).min() else { return }
    var descriptors = inquiries.map {
      pollfd(fd: $0.transport.fileDescriptor, events: Int16(POLLIN), revents: 0)
    }
    let left = deadline.nanoseconds(since: bootTime())
    _ = poll(&descriptors, nfds_t(descriptors.count), Int32(clamping: left / 1_000_000 + 1))
  }
}
