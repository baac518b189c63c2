import Netlink

/// The ARP settings of the interfaces below macvlans: what they were, and which routers need them
/// changed.
///
/// ARP requests for a virtual address must not be answered with the interface's own Ethernet
/// address, and no request that the machine sends itself may name a virtual address as that
/// interface's. The settings are changed with the first router that serves and put back with the
/// last one.
struct ParentSettings {
  /// The least values that are needed.
  static let needed: [IPv4Setting: Int32] = [.arpIgnore: 1, .arpAnnounce: 2]

  private struct Entry {
    /// The former values, as far as they were changed.
    var saved: [IPv4Setting: Int32]
    /// The slots of the routers that need them changed.
    var users: Set<Int> = []
  }

  private var entries: [Int32: Entry] = [:]

  /// The interfaces with changed settings, by the kernel's numbers.
  var interfaces: some Collection<Int32> { entries.keys }

  /// Whether an interface's settings are changed.
  func areChanged(on index: Int32) -> Bool { entries[index] != nil }

  /// The former settings of an interface; empty if none of them was changed.
  func saved(on index: Int32) -> [IPv4Setting: Int32] { entries[index]?.saved ?? [:] }

  /// The settings that would have to be put back for a router; empty if it does not need them
  /// changed.
  func saved(on index: Int32, for slot: Int) -> [IPv4Setting: Int32] {
    guard let entry = entries[index], entry.users.contains(slot) else { return [:] }
    return entry.saved
  }

  /// Changes the settings for a router.
  ///
  /// - Parameters:
  ///   - index: the interface.
  ///   - slot: the router.
  ///   - present: reads what the interface has now; asked for the first router only.
  /// - Returns: the request to the kernel; none if the settings suffice.
  mutating func suppressARP(
    on index: Int32, for slot: Int, present: () -> [IPv4Setting: Int32]
  ) -> [LinkRequest] {
    var requests: [LinkRequest] = []
    if entries[index] == nil {
      let saved = present().filter { setting, value in
        Self.needed[setting].map { value < $0 } ?? false
      }
      entries[index] = Entry(saved: saved)
      requests = Self.request(Self.needed, named: saved, on: index)
    }
    entries[index]?.users.insert(slot)
    return requests
  }

  /// A router comes in the place of another one that may need the settings.
  mutating func passOn(_ index: Int32, from former: Int, to heir: Int) {
    guard entries[index]?.users.remove(former) != nil else { return }
    entries[index]?.users.insert(heir)
  }

  /// A router needs the settings no longer.
  ///
  /// - Parameters:
  ///   - index: the interface.
  ///   - slot: the router.
  ///   - present: reads what the interface has now; `nil` if that is not known.
  /// - Returns: the request that puts them back if it was the last router; `nil` if it did not need
  ///   them changed.
  mutating func release(
    _ index: Int32, for slot: Int, present: () -> [IPv4Setting: Int32]?
  ) -> [LinkRequest]? {
    guard var entry = entries[index], entry.users.remove(slot) != nil else { return nil }
    entries[index] = entry.users.isEmpty ? nil : entry
    guard entry.users.isEmpty, !entry.saved.isEmpty else { return [] }
    return Self.restoration(of: entry.saved, on: index, present: present())
  }

  /// The settings could not be put back: they stay as a router has changed them.
  mutating func retain(_ saved: [IPv4Setting: Int32], on index: Int32, for slot: Int) {
    entries[index, default: Entry(saved: saved)].users.insert(slot)
  }

  /// The request that puts settings back, but for those that another program has changed meanwhile.
  static func restoration(
    of saved: [IPv4Setting: Int32], on index: Int32, present: [IPv4Setting: Int32]?
  ) -> [LinkRequest] {
    guard let present else { return [] }
    let own = saved.filter { present[$0.key] == needed[$0.key] }
    return request(saved, named: own, on: index)
  }

  /// Takes over what a dead node has changed on an interface.
  ///
  /// - Returns: whether the settings are still needed; if not, the caller puts them back.
  mutating func inherit(_ saved: [IPv4Setting: Int32], on index: Int32) -> Bool {
    guard entries[index] != nil else { return false }
    entries[index]?.saved.merge(saved) { own, _ in own }
    return true
  }

  /// Compares an interface with what is needed: another program may have put its settings back.
  ///
  /// - Returns: the request that changes them again, and the routers on whose macvlans another list
  ///   of saved settings is to be noted; `nil` if all is as it should be.
  mutating func review(
    _ index: Int32, present: [IPv4Setting: Int32]
  ) -> (request: LinkRequest, noting: [Int])? {
    guard let entry = entries[index] else { return nil }
    let lost = Self.needed.filter { present[$0.key] ?? $0.value < $0.value }
    guard !lost.isEmpty else { return nil }
    let unknown = lost.keys.filter { entry.saved[$0] == nil }
    for setting in unknown { entries[index]?.saved[setting] = present[setting] }
    return (.setIPv4(lost, index: index), unknown.isEmpty ? [] : entry.users.sorted())
  }

  private static func request(
    _ settings: [IPv4Setting: Int32], named names: [IPv4Setting: Int32], on index: Int32
  ) -> [LinkRequest] {
    let chosen = settings.filter { names[$0.key] != nil }
    return chosen.isEmpty ? [] : [.setIPv4(chosen, index: index)]
  }
}
