import VIPCore

/// The machines whose advertisements for a group reach the interface and are not delivered to the
/// node: a firewall drops them, or the kernel's check of sources does.
///
/// The interface's packet socket sees advertisements before the kernel judges them. A machine that was
/// seen twice and not received in between is not heard here. That is why its role may be taken from it,
/// or its answers be taken for a stranger's.
struct GroupSightings {
  /// A machine that has been seen.
  struct Sender: Hashable {
    /// The address its advertisements come from.
    let source: IPAddress
    /// The Ethernet address that sent the last one.
    var mac: MACAddress
    fileprivate let firstSeen: Instant
    fileprivate var lastSeen: Instant
  }

  /// So many machines are kept account of.
  static let capacity = 8
  /// Two sightings are at least so far apart: what waits in both sockets after a pause counts once.
  static let distance = Duration.milliseconds(5)
  /// For how long a machine is remembered.
  static let memory = Duration.seconds(60)

  private var senders: [Sender] = []

  /// A machine that is not heard; `nil` if there is none.
  var unheard: Sender? {
    senders.first { $0.lastSeen >= $0.firstSeen + Self.distance }
  }

  /// When to call ``review(at:)`` next; `nil` if nothing was seen.
  var deadline: Instant? { senders.lazy.map(\.lastSeen).min().map { $0 + Self.memory } }

  /// The machine that has been seen to advertise from an address.
  func sender(from source: IPAddress) -> Sender? { senders.first { $0.source == source } }

  /// An advertisement has reached the interface.
  mutating func saw(_ source: IPAddress, _ mac: MACAddress, at now: Instant) {
    if let place = senders.firstIndex(where: { $0.source == source }) {
      senders[place].mac = mac
      senders[place].lastSeen = now
    } else if senders.count < Self.capacity {
      senders.append(Sender(source: source, mac: mac, firstSeen: now, lastSeen: now))
    }
  }

  /// An advertisement has been delivered, whatever is in it.
  mutating func received(from source: IPAddress) {
    guard !senders.isEmpty else { return }
    senders.removeAll { $0.source == source }
  }

  /// Forgets machines that have not been seen for long.
  mutating func review(at now: Instant) {
    senders.removeAll { $0.lastSeen + Self.memory <= now }
  }

  /// Forgets everything.
  mutating func clear() { senders = [] }
}
