import VIPKubernetes

/// A pool to be, with the object that it comes from.
struct PoolDraft: Sendable {
  /// The place of a pool among those of the same program.
  enum Rank: Sendable, Hashable {
    /// Its order has been said.
    case own
    /// Behind all those whose order has been said.
    case behind
    /// Behind all others.
    case last
  }

  let object: SourceObject
  /// The line of what it comes from.
  let line: Int
  let name: String
  var spec: AddressPool.Spec
  var blocks: [AddressBlock]
  var rank = Rank.own

  /// Makes a draft.
  ///
  /// - Throws: if the name can't be that of a pool.
  init(
    _ object: SourceObject, line: Int, name: String, spec: AddressPool.Spec,
    blocks: [AddressBlock]
  ) throws(LeftOut) {
    guard NameForm.isName(name) else {
      throw LeftOut(
        line,
        "'\(name.shortened)' can't be the name of an object; give it a name of small letters, "
          + "digits and hyphens")
    }
    guard name.utf8.count <= NameForm.poolCountMax else {
      throw LeftOut(
        line,
        "the name of a pool has \(NameForm.poolCountMax) characters at most, and "
          + "'\(name.shortened)' has \(name.utf8.count); import a copy with a shorter one")
    }
    self.object = object
    self.line = line
    self.name = name
    self.spec = spec
    self.blocks = blocks
  }

  var pool: AddressPool { AddressPool(metadata: ObjectMeta(name: name), spec: spec) }

  /// Gives pools of one program the numbers by which they are taken in their order.
  static func order(_ drafts: inout [PoolDraft]) {
    let ranks = Set(drafts.filter(\.spec.autoAssign).map(\.rank))
    guard ranks.count > 1 else {
      // Nothing comes before them.
      for index in drafts.indices where drafts[index].rank != .own { drafts[index].spec.order = 0 }
      return
    }
    var next = 0
    for draft in drafts where draft.rank == .own && draft.spec.autoAssign {
      next = max(next, draft.spec.order)
    }
    if ranks.contains(.own) { next += 1 }
    for rank in [Rank.behind, .last] where ranks.contains(rank) {
      for index in drafts.indices where drafts[index].rank == rank {
        drafts[index].spec.order = min(next, NameForm.orders.upperBound)
      }
      next += 1
    }
  }
}

extension RemarkBook {
  /// Notes the labels and annotations of an object, of which a pool gets none.
  mutating func noteMetadata(
    of object: SourceObject, where isOther: (String) -> Bool = { _ in true }
  ) {
    let names = object.labels.keys.sorted() + object.annotations.map(\.name)
    let others = names.filter { isOther($0) && !$0.hasPrefix("kubectl.kubernetes.io/") }
    guard !others.isEmpty else { return }
    let list = others.prefix(5).map { "'\($0.shortened)'" }.joined(separator: ", ")
    let more = others.count > 5 ? " and \(others.count - 5) more" : ""
    note(
      object.line,
      "labels and annotations are not carried over (\(list)\(more)); add those to the pool that another "
        + "program reads")
  }

  /// Notes the fields that the import does not know.
  mutating func lostFields(_ rest: [SourceField], of part: String) {
    for field in rest {
      lost(
        field.line,
        "'\(field.name.shortened)' in \(part) has no equivalent that is known; look up what it is for, "
          + "and whether the pool goes without it")
    }
  }

  /// The order of a pool from a priority of which the lower one comes first, too.
  mutating func order(_ priority: Int, at line: Int) -> Int {
    let order = min(max(priority, NameForm.orders.lowerBound), NameForm.orders.upperBound)
    if order != priority {
      lost(line, "'priority: \(priority)' becomes 'order: \(order)', which is the utmost")
    }
    return order
  }
}
