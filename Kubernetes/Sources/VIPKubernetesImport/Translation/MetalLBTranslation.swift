import VIPKubernetes

/// The `IPAddressPool`s of MetalLB as pools, with what its advertisements say about them.
struct MetalLBTranslation: Sendable {
  static let group = "metallb.io"

  let advertisements: [Advertisement]
  /// Whether it has been said that there is no advertisement.
  private var isTold = false

  init(_ advertisements: [Advertisement]) { self.advertisements = advertisements }

  /// Why an object of another kind gives no pool; `nil` for what only tells a state.
  static func fate(of object: SourceObject) -> String? {
    switch object.kind {
    case "AddressPool":
      "AddressPools of MetalLB are not read; make an IPAddressPool of it, as MetalLB 0.13 and newer have "
        + "it"
    case "BGPPeer", "BFDProfile", "Community":
      "nothing is announced by BGP here; keep MetalLB for pools that need it"
    case "ConfigurationState", "ServiceL2Status", "ServiceBGPStatus": nil
    default: "its kind has no equivalent that is known; look up what it is for"
    }
  }

  /// Translates a pool.
  ///
  /// - Throws: why there is no pool for it.
  mutating func draft(
    of object: SourceObject, _ book: inout RemarkBook
  ) throws(LeftOut) -> PoolDraft {
    guard object.version == "v1beta1" else {
      throw LeftOut(
        object.line, "only IPAddressPools of \(Self.group)/v1beta1 are read; ask for these")
    }
    let announcement = try announcement(of: object, &book)
    var fields = try object.part("spec")
    let addresses = try readAddresses(&fields, object.line, &book)
    var spec = AddressPool.Spec(
      addresses: addresses.texts, interface: announcement.interface,
      nodeSelector: announcement.nodes)
    spec.autoAssign = try fields.take("autoAssign")?.flag() ?? true
    let rank = try readAllocation(fields.take("serviceAllocation"), into: &spec, &book)
    book.lostFields(fields.rest, of: "spec")
    book.noteMetadata(of: object)
    var draft = try PoolDraft(
      object, line: object.line, name: object.name, spec: spec, blocks: addresses.blocks)
    draft.rank = rank
    return draft
  }

  private mutating func announcement(
    of object: SourceObject, _ book: inout RemarkBook
  ) throws(LeftOut) -> Announcement {
    let own = advertisements.filter { $0.selects(object) }
    let layer2 = own.filter(\.isLayer2)
    let others = own.filter { !$0.isLayer2 }
    if layer2.isEmpty, let other = others.first {
      throw LeftOut(
        object.line,
        "its addresses are announced by BGP (\(other.title)); keep MetalLB for them, or make an "
          + "L2Advertisement for it first if they belong to the nodes' own subnet")
    }
    if layer2.isEmpty, advertisements.contains(where: \.isLayer2) {
      throw LeftOut(
        object.line,
        "no L2Advertisement selects it, so that its addresses are not announced; import it with one "
          + "that does")
    }
    if let other = others.first {
      book.lost(
        object.line,
        "its addresses are also announced by BGP (\(other.title)), which is not done here; see whether "
          + "routers need that")
    }
    if layer2.isEmpty, !isTold {
      isTold = true
      book.note(
        object.line,
        "no L2Advertisement was given, which says on which nodes and interfaces addresses are "
          + "announced; import it together with the pools if there is one")
    }
    return Announcement(layer2, object.line, &book)
  }

  private func readAddresses(
    _ fields: inout Fields, _ line: Int, _ book: inout RemarkBook
  ) throws(LeftOut) -> AddressTexts {
    var addresses = AddressTexts()
    let list = fields.take("addresses")
    for (text, line) in try list?.texts("[192.0.2.0/24]") ?? [] {
      addresses.add(text, at: line, &book)
    }
    if let avoid = fields.take("avoidBuggyIPs"), try avoid.flag() {
      if !addresses.removeRoundEnds() {
        book.lost(
          avoid.line,
          "'avoidBuggyIPs' would take more than \(NameForm.listCountMax) ranges; the addresses that end "
            + "with .0 or .255 are in the pool; make several smaller pools without them")
      }
    }
    try addresses.finish(list?.line ?? line, &book)
    addresses.tell(&book)
    return addresses
  }

  /// Reads which Services the addresses are for.
  ///
  /// - Returns: the place of the pool among the others.
  private func readAllocation(
    _ field: SourceField?, into spec: inout AddressPool.Spec, _ book: inout RemarkBook
  ) throws(LeftOut) -> PoolDraft.Rank {
    guard let field else { return .last }
    var fields = try field.fields()
    let names = fields.take("namespaces")
    let selectors = fields.take("namespaceSelectors")
    let namespaces = try names?.namespaces() ?? []
    try readNamespaces(namespaces, selectors, into: &spec, &book)
    let services = try fields.take("serviceSelectors")?.selectors() ?? []
    switch SelectorUnion(services) {
    case .all: break
    case .one(let selector): spec.serviceSelector = selector
    case .several(let selector):
      spec.serviceSelector = selector
      book.lost(
        field.line,
        "of several 'serviceSelectors' only the first is taken: a pool has one 'serviceSelector'; give "
          + "all those Services a label and choose them by it")
    }
    let priority = try fields.take("priority").map { field throws(LeftOut) in
      (try field.number(), field.line)
    }
    book.lostFields(fields.rest, of: "serviceAllocation")
    if namespaces.isEmpty, selectors == nil, services.isEmpty {
      spec.autoAssign = false
      book.note(
        field.line,
        "becomes 'autoAssign: false', since 'serviceAllocation' names neither namespaces nor Services, "
          + "and MetalLB gives no addresses by itself then")
    }
    guard let (number, line) = priority, number > 0 else { return .behind }
    spec.order = book.order(number, at: line)
    return .own
  }

  private func readNamespaces(
    _ names: [String], _ field: SourceField?, into spec: inout AddressPool.Spec,
    _ book: inout RemarkBook
  ) throws(LeftOut) {
    let selectors = try field?.selectors() ?? []
    let union = SelectorUnion(selectors)
    // Names and selectors add up there.
    guard names.isEmpty else {
      if selectors.isEmpty {
        spec.namespaces = names
      } else if union != .all {
        spec.namespaces = names
        book.lost(
          field?.line ?? 1,
          "'namespaceSelectors' is left out: with 'namespaces' beside it, it would have to choose these "
            + "namespaces, too; add the names of those that it chooses to 'namespaces'")
      }
      return
    }
    switch union {
    case .all: break
    case .one(let selector): spec.namespaceSelector = selector
    case .several(let selector):
      spec.namespaceSelector = selector
      book.lost(
        field?.line ?? 1,
        "of several 'namespaceSelectors' only the first is taken: a pool has one 'namespaceSelector'; "
          + "give all those namespaces a label and choose them by it")
    }
  }
}
