import VIPKubernetes

/// An `Eip` of OpenELB as a pool.
enum EipTranslation {
  static let group = "network.kubesphere.io"
  static let annotationPrefix = "eip.openelb.kubesphere.io/"
  static let defaultAnnotation = annotationPrefix + "is-default-eip"

  /// Whether OpenELB serves the addresses by VRRP.
  static func runsRouters(_ object: SourceObject) -> Bool {
    var fields = object.fields
    var spec = Fields(fields.take("spec")?.mapping ?? [])
    return spec.take("protocol")?.word == "vip"
  }

  /// Translates an object.
  ///
  /// - Throws: why there is no pool for it.
  static func draft(
    of object: SourceObject, _ book: inout RemarkBook
  ) throws(LeftOut) -> PoolDraft {
    guard object.version == "v1alpha2" else {
      throw LeftOut(
        object.line,
        "only Eips of \(group)/v1alpha2 are read; have OpenELB 0.4 or newer convert it")
    }
    var fields = try object.part("spec")
    try readProtocol(fields.take("protocol"), object.line, &book)
    var addresses = AddressTexts()
    let address = fields.take("address")
    if let address {
      addresses.add(try address.text("192.0.2.0/24"), at: address.value.line, &book)
    }
    try addresses.finish(address?.line ?? object.line, &book)
    addresses.tell(&book)
    var spec = AddressPool.Spec(addresses: addresses.texts)
    if let interface = fields.take("interface") {
      spec.interface = try readInterface(interface, &book)
    }
    let isDefault = readDefault(object, &book)
    try readNamespaces(&fields, isDefault: isDefault, into: &spec, &book)
    let isFenced = !spec.namespaces.isEmpty || spec.namespaceSelector != nil
    spec.autoAssign = isDefault || isFenced
    if let priority = fields.take("priority") {
      spec.order = book.order(try priority.number(), at: priority.line)
    }
    try readState(&fields, object, into: &spec, &book)
    book.lostFields(fields.rest, of: "spec")
    book.noteMetadata(of: object) { !$0.hasPrefix(annotationPrefix) }
    var draft = try PoolDraft(
      object, line: object.line, name: object.name, spec: spec, blocks: addresses.blocks)
    if isDefault, !isFenced { draft.rank = .last }
    return draft
  }

  private static func readProtocol(
    _ field: SourceField?, _ line: Int, _ book: inout RemarkBook
  ) throws(LeftOut) {
    switch try field?.text("vip") ?? "bgp" {
    case "vip": break
    case "layer2":
      book.note(
        field?.line ?? line,
        "'protocol: layer2': here the node that serves an address has it on its interface, and VRRP "
          + "elects that node")
    case "bgp":
      throw LeftOut(
        field?.line ?? line,
        "its addresses are announced by BGP ('protocol: bgp', which is the default); keep OpenELB for "
          + "them, or import a copy with 'protocol: vip' if they belong to the nodes' own subnet")
    case let other:
      throw LeftOut(
        field?.line ?? line,
        "'protocol' is vip, layer2 or bgp, found '\(other.shortened)'; correct it")
    }
  }

  private static func readInterface(
    _ field: SourceField, _ book: inout RemarkBook
  ) throws(LeftOut) -> String? {
    let text = try field.text("eth0")
    guard text.hasPrefix("can_reach:") else { return try field.interface() }
    book.note(
      field.line,
      "'interface: \(text.shortened)' is left out: each node takes the interface whose subnet has the "
        + "address; name one in 'interface' if several do")
    return nil
  }

  private static func readDefault(_ object: SourceObject, _ book: inout RemarkBook) -> Bool {
    var isDefault = false
    for annotation in object.annotations {
      guard annotation.name == defaultAnnotation else {
        if annotation.name.hasPrefix(annotationPrefix) {
          book.lost(
            annotation.line,
            "annotation '\(annotation.name.shortened)' has no equivalent that is known; look up what it "
              + "is for")
        }
        continue
      }
      isDefault = annotation.word == "true"
    }
    return isDefault
  }

  /// Reads which namespaces the addresses are for, which in OpenELB steers only what is chosen by
  /// itself.
  private static func readNamespaces(
    _ fields: inout Fields, isDefault: Bool, into spec: inout AddressPool.Spec,
    _ book: inout RemarkBook
  ) throws(LeftOut) {
    let names = fields.take("namespaces")
    let labels = fields.take("namespaceSelector")
    let namespaces = try names?.namespaces() ?? []
    let selector = LabelSelector(matchLabels: try labels?.labels() ?? [:])
    let isSelecting = selector != LabelSelector()
    guard !namespaces.isEmpty || isSelecting else { return }
    let line = names?.line ?? labels?.line ?? 1
    if isDefault {
      book.lost(
        line,
        "it is the default of all namespaces, and that of some of them before others; here it is for "
          + "all of them, since a pool with namespaces is closed to the rest; make two pools if it matters"
      )
      return
    }
    if !namespaces.isEmpty {
      spec.namespaces = namespaces
      if isSelecting {
        book.lost(
          labels?.line ?? line,
          "'namespaceSelector' is left out: with 'namespaces' beside it, it would have to choose these "
            + "namespaces, too; add the names of those that it chooses to 'namespaces'")
      }
    } else {
      spec.namespaceSelector = selector
    }
    book.note(
      line,
      "Services of other namespaces don't get the addresses here even if they name the pool or an "
        + "address")
  }

  /// Reads whether addresses are given at all.
  private static func readState(
    _ fields: inout Fields, _ object: SourceObject, into spec: inout AddressPool.Spec,
    _ book: inout RemarkBook
  ) throws(LeftOut) {
    if let known = fields.take("usingKnownIPs"), try known.flag() {
      book.note(known.line, "'usingKnownIPs' needs no equivalent; OpenELB itself does not use it")
    }
    if let disable = fields.take("disable"), try disable.flag() {
      spec.autoAssign = false
      book.lost(
        disable.line,
        "'disable: true' becomes 'autoAssign: false': Services that name the pool or an address still "
          + "get one; close it with 'serviceSelector' once its Services have moved")
    } else if !spec.autoAssign {
      book.note(
        object.line,
        "becomes 'autoAssign: false', since it is neither the default nor for some namespaces: only "
          + "Services that name the pool or an address get one")
    }
  }
}
