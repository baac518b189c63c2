import VIPCore

/// The place of a virtual router among those that serve one after the other under its name.
struct Succession {
  /// The place: of these routers one at a time takes part.
  struct Seat: Hashable {
    let name: String
    let family: AddressFamily
  }

  let seat: Seat
  /// Whether another router of its name has come in its place.
  private(set) var isReplaced = false

  init(_ seat: Seat) { self.seat = seat }

  /// Another router of its name comes in its place.
  mutating func becomeReplaced() { isReplaced = true }
}
