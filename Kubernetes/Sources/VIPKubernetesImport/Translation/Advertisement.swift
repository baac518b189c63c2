import VIPKubernetes

/// An `L2Advertisement` or `BGPAdvertisement` of MetalLB.
struct Advertisement: Sendable {
  let title: String
  let isLayer2: Bool
  /// The pools by name, with the lines.
  var names: [(text: String, line: Int)] = []
  /// The pools by their labels.
  var selectors: [LabelSelector] = []
  /// The nodes; empty for all.
  var nodes: [LabelSelector] = []
  /// The interfaces; empty for all.
  var interfaces: [String] = []

  /// Reads an object.
  init(_ object: SourceObject, _ book: inout RemarkBook) throws(LeftOut) {
    title = object.title
    isLayer2 = object.kind == "L2Advertisement"
    var fields = try object.part("spec")
    names = try fields.take("ipAddressPools")?.texts("[lan]") ?? []
    selectors = try fields.take("ipAddressPoolSelectors")?.selectors() ?? []
    guard isLayer2 else { return }
    nodes = try fields.take("nodeSelectors")?.selectors() ?? []
    if let list = fields.take("interfaces") {
      for item in try list.items("[eth0]") {
        let name = try SourceField(name: list.name, line: item.line, value: item).interface()
        if !interfaces.contains(name) { interfaces.append(name) }
      }
    }
    if let preferred = fields.take("preferredNodeSelectors") {
      book.lost(
        preferred.line,
        "'preferredNodeSelectors' has no equivalent: addresses are spread evenly over the nodes of "
          + "'nodeSelector', and come back there after a failure unless 'preempt' is false")
    }
    if let services = fields.take("serviceSelectors") {
      book.lost(
        services.line,
        "'serviceSelectors' of an advertisement has no equivalent; say in 'serviceSelector' of the pool "
          + "which Services may have its addresses")
    }
    book.lostFields(fields.rest, of: "spec")
  }

  /// Makes one of an object that can't be read, which is for no pool.
  init(unreadable object: SourceObject) {
    title = object.title
    isLayer2 = object.kind == "L2Advertisement"
    names = [("", object.line)]
  }

  /// Whether it is for a pool.
  func selects(_ pool: SourceObject) -> Bool {
    if names.isEmpty, selectors.isEmpty { return true }
    return names.contains { $0.text == pool.name }
      || selectors.contains { $0.matches(pool.labels) }
  }
}

/// The nodes and interfaces from which MetalLB announces a pool.
struct Announcement: Sendable {
  var nodes = LabelSelector()
  var interface: String?

  /// Brings together the advertisements of a pool.
  init(_ advertisements: [Advertisement], _ line: Int, _ book: inout RemarkBook) {
    guard let first = advertisements.first else { return }
    readNodes(advertisements, line, &book)
    let interfaces = Set(advertisements.map { Set($0.interfaces) })
    if interfaces.count > 1 {
      book.lost(
        line,
        "its advertisements name different 'interfaces', which are left out: each node takes the "
          + "interface whose subnet has the address; make a pool for each of them if that is wrong")
    } else if first.interfaces.count > 1 {
      book.lost(
        line,
        "several 'interfaces' of \(first.title) are left out: each node takes the one whose subnet has "
          + "the address; if that is wrong make a pool with 'interface' and 'nodeSelector' for each kind "
          + "of nodes")
    } else {
      interface = first.interfaces.first
    }
  }

  private mutating func readNodes(
    _ advertisements: [Advertisement], _ line: Int, _ book: inout RemarkBook
  ) {
    guard !advertisements.contains(where: \.nodes.isEmpty) else { return }
    switch SelectorUnion(advertisements.flatMap(\.nodes)) {
    case .all: break
    case .one(let selector): nodes = selector
    case .several(let selector):
      nodes = selector
      book.lost(
        line,
        "of several 'nodeSelectors' only the first is taken: a pool has one 'nodeSelector'; give all "
          + "those nodes a label and choose them by it")
    }
  }
}
