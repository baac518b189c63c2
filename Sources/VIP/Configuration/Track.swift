import VRRP

/// Another interface that a router's fitness depends on, as the way to the servers behind it does.
///
/// While it is down, without carrier or missing, the router counts for less or not at all. Its own
/// interface need not be named: a router always waits while that can't carry the election.
public struct Track: Sendable, Hashable, Codable {
  /// The interface.
  public var interface: String
  /// The amount by which the priority falls while it is down (`priority-decrement` of RFC 8347);
  /// `nil` if the router leaves the election then, handing over.
  ///
  /// The priority never falls below 1. Those of several interfaces add up.
  public var decrement: UInt8?

  /// Tracks an interface.
  ///
  /// - Parameters:
  ///   - interface: its name.
  ///   - decrement: 1 to 254; if left out, the router leaves the election while it is down.
  public init(interface: String, decrement: UInt8? = nil) {
    self.interface = interface
    self.decrement = decrement
  }
}

extension Track: LosslessStringConvertible {
  /// `eth1`, or `eth1=50` with a decrement.
  public var description: String { decrement.map { "\(interface)=\($0)" } ?? interface }

  /// Reads `eth1` or `eth1=50`.
  public init?(_ description: String) {
    let parts = description.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let name = parts.first, !name.isEmpty else { return nil }
    self.init(interface: String(name))
    guard parts.count == 2 else { return }
    guard let decrement = UInt8(parts[1]), (1...254).contains(decrement) else { return nil }
    self.decrement = decrement
  }
}

extension RouterConfiguration {
  /// Checks what is tracked.
  func validateTracks() throws(ConfigurationError) {
    var seen: Set<String> = []
    for (index, track) in tracks.enumerated() {
      func refuse(_ text: String) -> ConfigurationError {
        ConfigurationError(.track(index), router: name, text)
      }
      if let problem = Self.problem(interfaceName: track.interface) { throw refuse(problem) }
      guard track.interface != interface else {
        throw refuse(
          "\(interface) is the router's own interface; it always waits while that is down")
      }
      guard seen.insert(track.interface).inserted else {
        throw refuse("\(track.interface) is tracked twice; name it once")
      }
      guard let decrement = track.decrement else { continue }
      guard (1...254).contains(decrement) else {
        throw refuse("a priority can fall by 1 to 254, not by \(decrement)")
      }
      guard priority != .owner else {
        throw refuse(
          "an owner's priority is always 255; leave the decrement of \(track.interface) out, and it "
            + "leaves the election instead")
      }
    }
  }
}
