/// The comparisons that are due since something else has happened than the routine of advertising:
/// the state of the node with what the guard knows of it, and the host's own addresses with the
/// virtual ones.
///
/// Each is made once for all that has happened since the last one.
struct DueReviews {
  private var isSafeguardDue = false
  private var areHostAddressesDue = false

  /// Something has happened: all comparisons are due.
  mutating func noteChange() {
    isSafeguardDue = true
    areHostAddressesDue = true
  }

  /// Whether the guard may have to be told something; it is told now.
  mutating func takeSafeguard() -> Bool {
    defer { isSafeguardDue = false }
    return isSafeguardDue
  }

  /// Whether the host may have a virtual address of its own by now; its addresses are compared now.
  mutating func takeHostAddresses() -> Bool {
    defer { areHostAddressesDue = false }
    return areHostAddressesDue
  }
}
