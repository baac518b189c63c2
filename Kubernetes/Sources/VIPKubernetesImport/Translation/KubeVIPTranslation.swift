import VIPKubernetes

/// The ConfigMap `kubevip` of kube-vip's cloud provider as pools: one for each namespace that has
/// addresses of its own, and one for the others.
struct KubeVIPTranslation: Sendable {
  static let name = "kubevip"
  /// The label that each namespace has.
  static let nameLabel = "kubernetes.io/metadata.name"
  private static let all = "global"

  let object: SourceObject
  private var keys: [String: [String: SourceField]] = [:]
  private var single: [String: SourceField] = [:]
  private var others: [SourceField] = []
  /// The namespaces in the order of the file.
  private var namespaces: [String] = []

  init(_ object: SourceObject) throws(LeftOut) {
    self.object = object
    for field in try object.part("data").rest {
      let parts = field.name.split(separator: "-", maxSplits: 1).map(String.init)
      if ["search-order", "skip-end-ips-in-cidr"].contains(field.name) {
        single[field.name] = field
      } else if field.name.hasPrefix("allow-share-") {
        add(field, "allow-share", String(field.name.dropFirst(12)))
      } else if parts.count == 2, ["cidr", "range", "interface"].contains(parts[0]) {
        add(field, parts[0], parts[1])
      } else {
        others.append(field)
      }
    }
  }

  private mutating func add(_ field: SourceField, _ key: String, _ namespace: String) {
    guard NameForm.isNamespace(namespace) else {
      others.append(field)
      return
    }
    keys[key, default: [:]][namespace] = field
    if !namespaces.contains(namespace) { namespaces.append(namespace) }
  }

  /// The pools; what gives none is in the remarks.
  func drafts(_ book: inout RemarkBook) -> [PoolDraft] {
    tellSettings(&book)
    var sources: [(namespace: String, field: SourceField)] = []
    for namespace in namespaces {
      if let field = source(of: namespace, &book) { sources.append((namespace, field)) }
    }
    tellInterfaces(without: Set(sources.map(\.namespace)), &book)
    let own = sources.map(\.namespace).filter { $0 != Self.all }
    var drafts: [PoolDraft] = []
    for (namespace, field) in sources {
      do throws(LeftOut) {
        drafts.append(try draft(namespace, field, own, &book))
      } catch {
        book.lost(error.line, "'\(field.name.shortened)' is left out: \(error.text)")
      }
    }
    return drafts
  }

  /// The field with the addresses of a namespace: kube-vip looks for networks first, those of all
  /// included.
  private func source(of namespace: String, _ book: inout RemarkBook) -> SourceField? {
    let cidr = keys["cidr"]?[namespace]
    let range = keys["range"]?[namespace]
    guard let range else { return cidr }
    guard let used = cidr ?? keys["cidr"]?[Self.all] else { return range }
    book.lost(
      range.line,
      "'\(range.name)' is left out: kube-vip does not use it either, since '\(used.name)' comes first; "
        + "add its addresses to a pool if you want them")
    return cidr
  }

  private func draft(
    _ namespace: String, _ field: SourceField, _ own: [String], _ book: inout RemarkBook
  ) throws(LeftOut) -> PoolDraft {
    let text = try field.text("192.0.2.0/24")
    let isWhole = single["skip-end-ips-in-cidr"]?.word != "true"
    var addresses = AddressTexts()
    for part in text.split(separator: ",") {
      let entry = part.filter { !$0.isWhitespace }
      guard !["0.0.0.0/32", "0.0.0.0"].contains(entry) else {
        throw LeftOut(
          field.line, "it asks DHCP for addresses, which is not done here; name addresses instead")
      }
      addresses.add(entry, at: field.line, isWhole: isWhole, &book)
    }
    try addresses.finish(field.line, &book)
    addresses.tell(&book)
    var spec = AddressPool.Spec(addresses: addresses.texts)
    let interface = keys["interface"]?[namespace] ?? keys["interface"]?[Self.all]
    spec.interface = try interface?.interface()
    let isForAll = namespace == Self.all
    if !isForAll {
      spec.namespaces = [namespace]
    } else if !own.isEmpty {
      guard own.count <= NameForm.listCountMax else {
        throw LeftOut(
          field.line,
          "more than \(NameForm.listCountMax) namespaces have addresses of their own; make "
            + "the pool for the others by hand")
      }
      spec.namespaceSelector = LabelSelector(
        matchExpressions: [.init(key: Self.nameLabel, operator: "NotIn", values: own)])
    }
    return try PoolDraft(
      object, line: field.line, name: "\(Self.name)-\(namespace)", spec: spec,
      blocks: addresses.blocks)
  }

  /// Says what has no equivalent for all pools.
  private func tellSettings(_ book: inout RemarkBook) {
    if let order = single["search-order"], order.word == "desc" {
      book.lost(
        order.line,
        "'search-order: desc' has no equivalent: the lowest free address is given; name the address in "
          + "the annotation \(Annotation.addresses) where it matters")
    }
    for namespace in namespaces {
      guard let share = keys["allow-share"]?[namespace],
        ["1", "t", "T", "true", "TRUE", "True"].contains(share.word ?? "")
      else { continue }
      book.lost(
        share.line,
        "'\(share.name)' has no equivalent: Services share an address only if they say so; give those "
          + "that are to the same annotation \(Annotation.sharingKey)")
    }
    for field in others {
      book.lost(
        field.line,
        "'\(field.name.shortened)' has no equivalent that is known; look up what it is for")
    }
    book.noteMetadata(of: object)
  }

  /// Says which interfaces belong to no pool of their own.
  private func tellInterfaces(without known: Set<String>, _ book: inout RemarkBook) {
    for namespace in namespaces where !known.contains(namespace) && namespace != Self.all {
      guard let interface = keys["interface"]?[namespace] else { continue }
      book.lost(
        interface.line,
        "'\(interface.name)' is left out: the namespace has no addresses of its own, and a pool has one "
          + "interface; make a pool for the namespace")
    }
  }
}
