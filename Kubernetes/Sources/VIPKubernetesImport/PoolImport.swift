import VIPCore
public import VIPKubernetes
import VIPKubernetesManifests

/// A file that is to be imported.
public struct ImportSource: Sendable, Hashable {
  /// Its name in remarks.
  public var name: String
  /// Its whole text: YAML or JSON, in one document or several.
  public var bytes: [UInt8]

  /// The longest text that is read.
  public static let byteCountMax = SourceTree.byteCountMax

  /// Makes a source.
  public init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }
}

/// The pools of OpenELB, MetalLB or kube-vip, translated.
///
/// ```swift
/// let result = try PoolImport([ImportSource(name: "eips.yaml", bytes: bytes)])
/// print(result.yaml, terminator: "")
/// for remark in result.remarks { print(remark.line) }
/// ```
///
/// `Eip` of network.kubesphere.io/v1alpha2, `IPAddressPool` of metallb.io/v1beta1 with the
/// `L2Advertisement`s beside it, and the ConfigMap `kubevip`. Nothing is guessed: what has no
/// equivalent is left out and named, and a fence around a pool that can't be translated becomes a
/// narrower one.
public struct PoolImport: Sendable {
  /// The pools.
  public private(set) var pools: [AddressPool] = []
  /// Remarks about what could not be carried over, and what else is to be known, in the order of
  /// the files.
  public private(set) var remarks: [PoolRemark] = []
  /// The pools as a stream of YAML documents, for `kubectl apply -f -`; empty if there are none.
  public private(set) var yaml = ""

  /// Reads files and translates what is in them, together: an advertisement of MetalLB may stand in
  /// another file than its pool.
  ///
  /// - Throws: what makes them no objects to import.
  public init(_ sources: [ImportSource]) throws(PoolImportError) {
    var objects: [SourceObject] = []
    var order: [String: Int] = [:]
    for source in sources {
      let name = source.name.onOneLine
      order[name] = order[name] ?? order.count
      for tree in try SourceTree.documents(in: source.bytes, of: name) {
        objects += try SourceObject.objects(in: tree, of: name)
      }
    }
    guard objects.contains(where: Self.isPool) else {
      let names = sources.map { $0.name.onOneLine }.joined(separator: ", ")
      let found = objects.isEmpty ? "there is no object in it" : "there is none of these in it"
      throw PoolImportError(
        "\(names): \(found): an Eip of OpenELB, an IPAddressPool of MetalLB, or the ConfigMap "
          + "\(KubeVIPTranslation.name) of kube-vip; nothing to import")
    }
    let drafts = translate(objects)
    tellOverlaps(drafts)
    pools = drafts.map(\.pool)
    yaml = try Self.text(drafts)
    func place(_ remark: (offset: Int, element: PoolRemark)) -> (Int, Int, Int) {
      (order[remark.element.file] ?? 0, remark.element.number, remark.offset)
    }
    remarks = remarks.enumerated().sorted { place($0) < place($1) }.map(\.element)
  }

  private static func isEip(_ object: SourceObject) -> Bool {
    object.group == EipTranslation.group && object.kind == "Eip"
  }

  private static func isMetalLBPool(_ object: SourceObject) -> Bool {
    object.group == MetalLBTranslation.group && object.kind == "IPAddressPool"
  }

  private static func isKubeVIP(_ object: SourceObject) -> Bool {
    object.apiVersion == "v1" && object.kind == "ConfigMap"
      && object.name == KubeVIPTranslation.name
  }

  private static func isPool(_ object: SourceObject) -> Bool {
    isEip(object) || isMetalLBPool(object) || isKubeVIP(object)
  }

  private static func text(_ drafts: [PoolDraft]) throws(PoolImportError) -> String {
    guard !drafts.isEmpty else { return "" }
    var documents: [YAMLDocument] = []
    for draft in drafts {
      do throws(ObjectError) {
        documents.append(
          YAMLDocument(
            try draft.pool.yaml(),
            comment:
              "From \(draft.object.title), \(draft.object.file):\(draft.line).".onOneLine))
      } catch {
        throw PoolImportError("\(draft.object.file):\(draft.line): \(error)")
      }
    }
    return YAMLWriter.text(documents)
  }
}

// The objects of each program.
extension PoolImport {
  private mutating func translate(_ objects: [SourceObject]) -> [PoolDraft] {
    let advertisements = readAdvertisements(objects)
    var metalLB = MetalLBTranslation(advertisements)
    var eips: [PoolDraft] = []
    var pools: [PoolDraft] = []
    var others: [PoolDraft] = []
    for object in objects {
      if Self.isEip(object) {
        eips += collect(object) { book throws(LeftOut) in
          [try EipTranslation.draft(of: object, &book)]
        }
      } else if Self.isMetalLBPool(object) {
        pools += collect(object) { book throws(LeftOut) in
          [try metalLB.draft(of: object, &book)]
        }
      } else if Self.isKubeVIP(object) {
        others += collect(object) { book throws(LeftOut) in
          try KubeVIPTranslation(object).drafts(&book)
        }
      }
    }
    tellOthers(objects)
    if let first = eips.first(where: { EipTranslation.runsRouters($0.object) }) {
      var book = first.object.book
      book.note(
        first.line,
        "OpenELB's virtual routers may have any VRID; see on the segment which ones are there, and give "
          + "the pool others with 'vrids' as long as OpenELB runs")
      remarks += book.remarks
    }
    PoolDraft.order(&eips)
    PoolDraft.order(&pools)
    return unique(eips + pools + others)
  }

  /// Translates an object, and notes why there is nothing of it.
  private mutating func collect(
    _ object: SourceObject,
    _ body: (inout RemarkBook) throws(LeftOut) -> [PoolDraft]
  ) -> [PoolDraft] {
    var book = object.book
    defer { remarks += book.remarks }
    do throws(LeftOut) {
      return try body(&book)
    } catch {
      // What else there is to know about it is of no use without a pool.
      book.forgetNotes()
      book.lost(error.line, "is left out: \(error.text)")
      return []
    }
  }

  private mutating func readAdvertisements(_ objects: [SourceObject]) -> [Advertisement] {
    let names = Set(objects.filter(Self.isMetalLBPool).map(\.name))
    var advertisements: [Advertisement] = []
    for object in objects
    where object.group == MetalLBTranslation.group
      && ["L2Advertisement", "BGPAdvertisement"].contains(object.kind)
    {
      var book = object.book
      do throws(LeftOut) {
        let advertisement = try Advertisement(object, &book)
        if advertisement.isLayer2 {
          for (name, line) in advertisement.names where !names.contains(name) {
            book.lost(
              line,
              "there is no IPAddressPool '\(name.shortened)' among the objects; import it together with "
                + "this one")
          }
        }
        advertisements.append(advertisement)
      } catch {
        book.lost(error.line, "is left out: \(error.text)")
        advertisements.append(Advertisement(unreadable: object))
      }
      remarks += book.remarks
    }
    return advertisements
  }

  /// Says what becomes of objects that are no pools.
  private mutating func tellOthers(_ objects: [SourceObject]) {
    var strangers: [String: [SourceObject]] = [:]
    for object in objects where !Self.isPool(object) {
      var book = object.book
      switch object.group {
      case EipTranslation.group:
        book.lost(
          object.line, "nothing is announced by BGP here; keep OpenELB for addresses that need it")
      case MetalLBTranslation.group:
        if ["L2Advertisement", "BGPAdvertisement"].contains(object.kind) { continue }
        guard let fate = MetalLBTranslation.fate(of: object) else { continue }
        book.lost(object.line, fate)
      default: strangers[object.file, default: []].append(object)
      }
      remarks += book.remarks
    }
    for (file, objects) in strangers.sorted(by: { $0.key < $1.key }) {
      let kinds = Set(objects.map(\.kind)).sorted()
      let list = kinds.prefix(5).map(\.shortened).joined(separator: ", ")
      remarks.append(
        PoolRemark(
          file: file, number: objects[0].line, object: "", kind: .note,
          text: "\(objects.count) \(objects.count == 1 ? "object" : "objects") of other kinds "
            + "\(objects.count == 1 ? "is" : "are") skipped (\(list)\(kinds.count > 5 ? ", …" : ""))"
        ))
    }
  }

  /// Leaves pools out whose names are taken.
  private mutating func unique(_ drafts: [PoolDraft]) -> [PoolDraft] {
    var known: [String: PoolDraft] = [:]
    var kept: [PoolDraft] = []
    for draft in drafts {
      if let other = known[draft.name] {
        var book = draft.object.book
        book.lost(
          draft.line,
          "is left out: a pool '\(draft.name)' comes from \(other.object.title), \(other.object.file):"
            + "\(other.line) already; import a copy with another name")
        remarks += book.remarks
      } else {
        known[draft.name] = draft
        kept.append(draft)
      }
    }
    return kept
  }

  /// Says which pools have the same addresses; each pair of neighbours once.
  private mutating func tellOverlaps(_ drafts: [PoolDraft]) {
    let all = drafts.indices.flatMap { index in drafts[index].blocks.map { (index, $0) } }
      .sorted { first, second in
        first.1.family != second.1.family
          ? first.1.family == .ipv4 : (first.1.first, first.0) < (second.1.first, second.0)
      }
    var told: Set<[Int]> = []
    var reach: (index: Int, block: AddressBlock)?
    for (index, block) in all {
      if let reach, reach.block.overlaps(block), reach.index != index,
        told.insert([min(reach.index, index), max(reach.index, index)]).inserted
      {
        let (first, second) = (drafts[min(reach.index, index)], drafts[max(reach.index, index)])
        let shared = AddressBlock(block.family, block.first, min(block.last, reach.block.last))
        var book = second.object.book
        book.lost(
          second.line,
          "pool \(second.name) and pool \(first.name) both have \(shared); take it out of one of them"
        )
        remarks += book.remarks
      }
      if let before = reach, before.block.family == block.family, before.block.last >= block.last {
        continue
      }
      reach = (index, block)
    }
  }
}
