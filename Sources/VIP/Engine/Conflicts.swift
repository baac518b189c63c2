import VIPCore

/// A machine that claims an address which is held here.
struct Conflict {
  let address: IPAddress
  /// Who claimed it last.
  var mac: MACAddress
  let firstHeard: Instant
  var lastHeard: Instant
  /// How often it was claimed.
  var count: UInt64 = 1
  /// When we last said that it is ours.
  var lastDefense: Instant?
  /// Whether this is surely no takeover by a router of the group.
  var isCertain = false
}

/// The conflicts of one virtual router.
struct Conflicts {
  /// So many addresses are looked after one by one; claims of further ones are only counted, so that
  /// nobody can make us remember, or send, without end.
  static let capacity = 64

  var list: [Conflict] = []
  /// How often held addresses were claimed by machines outside the group.
  var claimCount: UInt64 = 0
  /// How often we said again that they are ours.
  var defenseCount: UInt64 = 0

  var status: ConflictStatus {
    ConflictStatus(
      claims: claimCount, defenses: defenseCount,
      current: list.filter(\.isCertain).map {
        ConflictStatus.Rival(address: $0.address, mac: $0.mac, claims: $0.count)
      })
  }

  /// A sentence for each of the first few.
  var warnings: [String] {
    let certain = list.filter(\.isCertain)
    var lines = certain.prefix(3).map { conflictText($0.address, $0.mac) }
    if certain.count > 3 {
      let more = certain.count - 3
      lines.append(
        "\(more) more address\(more == 1 ? " is" : "es are") also used by other machines")
    }
    return lines
  }
}
