import VIPCore

/// The routers to which addresses belong, by interface and address.
///
/// With a virtual MAC address too the interface is that of the router, not its macvlan. An address
/// that is handed from one router of the node to another belongs to the one that keeps it.
struct AddressOwners {
  private struct Key: Hashable {
    var interfaceIndex: Int32
    var address: IPAddress
  }

  private var slots: [Key: Int] = [:]

  /// Whether no address belongs to any router.
  var isEmpty: Bool { slots.isEmpty }

  /// The slot of the router that has an address; `nil` if none has.
  func slot(of address: IPAddress, on interfaceIndex: Int32) -> Int? {
    slots[Key(interfaceIndex: interfaceIndex, address: address)]
  }

  /// Records that an address belongs to a router from now on.
  ///
  /// - Parameters:
  ///   - address: the address.
  ///   - interfaceIndex: the router's interface.
  ///   - slot: the router.
  ///   - isRetired: whether it only removes the address; then another owner stays.
  mutating func claim(
    _ address: IPAddress, on interfaceIndex: Int32, for slot: Int, isRetired: Bool
  ) {
    let key = Key(interfaceIndex: interfaceIndex, address: address)
    if isRetired, slots[key] != nil { return }
    slots[key] = slot
  }

  /// Forgets that an address belongs to a router.
  ///
  /// - Returns: whether it did.
  mutating func giveUp(_ address: IPAddress, on interfaceIndex: Int32, by slot: Int) -> Bool {
    let key = Key(interfaceIndex: interfaceIndex, address: address)
    guard slots[key] == slot else { return false }
    slots[key] = nil
    return true
  }
}
