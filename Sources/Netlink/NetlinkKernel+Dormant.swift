import Glibc
import VIPCore

/// Addresses that wait on an interface that is switched off.
extension NetlinkKernel {
  /// Installs addresses, each IPv4 one together with the removal of its route, so that the machine
  /// takes it for its own for a few microseconds only.
  func installDormant(_ requests: [AddressRequest]) -> [NetlinkError?] {
    checkSourcesByRoute()
    var results = [NetlinkError?](repeating: nil, count: requests.count)
    var start = 0
    while start < requests.count {
      let batch = start..<min(start + Self.batchLimit / 2, requests.count)
      discardStaleReplies()
      let first = sequence &+ 1
      sequence &+= UInt32(batch.count * 2)
      outgoing.removeAll(keepingCapacity: true)
      let pairByteCount = AddressMessage.maximumByteCount + RouteMessage.byteCount
      // Every second number is a route's, whether there is one or not.
      var routes: UInt64 = 0
      outgoing.append(addingCapacity: batch.count * pairByteCount) { output in
        for index in batch {
          let place = UInt32(index - start) * 2
          let message = AddressMessage.install(requests[index])
          message.encode(into: &output, sequence: first &+ place)
          guard requests[index].isDormant, requests[index].address.family == .ipv4 else { continue }
          routes |= 2 << UInt64(place)
          message.localRouteRemoval.encode(into: &output, sequence: first &+ place &+ 1)
        }
      }
      collectReplies(first: first, count: batch.count * 2, without: ~routes & Self.oddPlaces) {
        place, reply in
        let index = start + place / 2
        // That there is no route is what was wanted; without the address there never was one.
        guard place % 2 == 0 || reply.code != ESRCH, results[index] == nil else { return }
        results[index] = .adding(
          requests[index], code: reply.code, message: reply.message, offset: reply.offset)
      }
      start = batch.upperBound
    }
    return results
  }

  /// Makes the machine hear those who really have an address that is dormant here; once is enough.
  private func checkSourcesByRoute() {
    guard !checksSourcesByRoute else { return }
    checksSourcesByRoute = true
    discardStaleReplies()
    let messages = RouteMessage.trigger
    let first = sequence &+ 1
    sequence &+= UInt32(messages.count)
    outgoing.removeAll(keepingCapacity: true)
    outgoing.append(addingCapacity: messages.count * RouteMessage.byteCount) { output in
      for (place, message) in messages.enumerated() {
        message.encode(into: &output, sequence: first &+ UInt32(place))
      }
    }
    // Another process may be at it. If it fails for good, this machine can't reach those addresses
    // while it does not have them; next time it is tried again.
    collectReplies(first: first, count: messages.count) { place, reply in
      if place == 0, reply.code != EEXIST { checksSourcesByRoute = false }
    }
  }

  private static let oddPlaces: UInt64 = 0xAAAA_AAAA_AAAA_AAAA
}
