import VIPCore

/// The machines whose advertisements for a group reach the interface and are not delivered to the
/// node: a firewall drops them, or the kernel's check of sources does.
///
/// The interface's packet socket sees advertisements before the kernel judges them. A machine that
/// was seen twice and not received in between is not heard here. That is why its role may be taken
/// from it, or its answers be taken for a stranger's.
struct GroupSightings {
  /// A machine that has been seen.
  struct Sender: Hashable {
    /// The address its advertisements come from.
    let source: IPAddress
    /// The Ethernet address that sent the first one.
    let mac: MACAddress
    /// Number of messages that the socket had lost before it was first seen.
    let droppedBefore: UInt32
    fileprivate let firstSeen: Instant
    fileprivate var lastSeen: Instant
  }

  /// Number of machines that are kept account of.
  static let capacity = 8
  /// Two sightings are at least so far apart: what waits in both sockets after a pause counts once.
  static let distance = Duration.milliseconds(5)
  /// Time after a machine was heard again until another one can be missed: no sender shall fill the
  /// log.
  static let quietTime = Duration.seconds(10)
  /// The time for which a machine is remembered.
  static let memory = Duration.seconds(60)

  private var senders: [Sender] = []
  private var quietUntil = Instant.zero

  /// A machine that is not heard; `nil` if there is none.
  var unheard: Sender? { senders.first(where: Self.isUnheard) }

  private static func isUnheard(_ sender: Sender) -> Bool {
    sender.lastSeen >= sender.firstSeen + distance
  }

  /// The time to call ``review(at:)`` next; `nil` if nothing was seen.
  var deadline: Instant? { senders.lazy.map(\.lastSeen).min().map { $0 + Self.memory } }

  /// The machine that has been seen to advertise from an address.
  func sender(from source: IPAddress) -> Sender? { senders.first { $0.source == source } }

  /// An advertisement has reached the interface.
  ///
  /// - Parameters:
  ///   - source: the address it comes from.
  ///   - mac: the Ethernet address that has sent it.
  ///   - dropped: how many messages the socket has lost so far; asked for only of a new sender.
  ///   - now: the time.
  /// - Returns: whether a machine is not heard by now, and none was before.
  mutating func saw(
    _ source: IPAddress, _ mac: MACAddress, dropped: @autoclosure () -> UInt32 = 0, at now: Instant
  ) -> Bool {
    guard now >= quietUntil else { return false }
    let wasUnheard = unheard != nil
    if let place = senders.firstIndex(where: { $0.source == source }) {
      senders[place].lastSeen = now
    } else if senders.count < Self.capacity {
      senders.append(
        Sender(
          source: source, mac: mac, droppedBefore: dropped(), firstSeen: now, lastSeen: now))
    }
    return !wasUnheard && unheard != nil
  }

  /// An advertisement has been delivered, whatever is in it.
  mutating func received(from source: IPAddress, at now: Instant) {
    guard let place = senders.firstIndex(where: { $0.source == source }) else { return }
    // What was missed of it and of others is forgotten together, so that one follows the other in
    // no quick succession.
    guard Self.isUnheard(senders.remove(at: place)) else { return }
    senders = []
    quietUntil = now + Self.quietTime
  }

  /// Forgets machines that have not been seen for long.
  mutating func review(at now: Instant) {
    senders.removeAll { $0.lastSeen + Self.memory <= now }
  }

  /// Forgets everything.
  mutating func clear() { senders = [] }
}
