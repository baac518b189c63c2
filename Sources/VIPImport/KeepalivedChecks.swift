import VIPCore

/// All checks of a configuration: those that are known, and those that have become checks here.
struct KeepalivedChecks {
  private typealias Kind = KeepalivedCheck.Kind
  private var known: [Kind: [String: KeepalivedCheck]] = [:]
  /// The checks by their names here, and their order.
  private var made: [String: ImportedCheck] = [:]
  private var names: [String] = []
  /// The names here by what they were made of.
  private var variants: [String: String] = [:]
  /// The number of times that each name has been asked for.
  private var counts: [String: Int] = [:]
  private var used: Set<String> = []
  /// The blocks that a router or group tracks.
  private var tracked: Set<SourceLine> = []
  private(set) var remarks: [ImportRemark] = []

  private static let keywords: [String: Kind] = [
    "vrrp_script": .script, "vrrp_track_process": .process, "track_file": .file,
    "vrrp_track_file": .file,
  ]

  /// Reads the blocks at the top of a file.
  init(_ nodes: [KeepalivedNode], scriptUser: String?) {
    var reader = KeepalivedCheckReader(scriptUser: scriptUser)
    var broken: [Kind: Set<String>] = [:]
    for node in nodes {
      guard let kind = Self.keywords[node.keyword] else { continue }
      guard let name = node.arguments.first else {
        remark(node, "this \(node.keyword) has no name and is left out")
        continue
      }
      guard known[kind]?[name] == nil, broken[kind]?.contains(name) != true else {
        remark(node, "\(node.keyword) \(name.shortened) is given again; the first one is taken")
        continue
      }
      if let check = reader.read(node, kind) {
        known[kind, default: [:]][name] = check
      } else {
        broken[kind, default: []].insert(name)
      }
    }
    remarks += reader.remarks
  }

  /// The use of a check by a statement of `track_script` and the like; `nil` and a remark if there
  /// is none.
  mutating func use(
    _ item: KeepalivedNode, _ kind: KeepalivedCheck.Kind, isOwner: Bool
  ) -> (ImportedCheckUse?, remark: (ImportRemark.Kind, String)?) {
    let name = item.keyword
    guard let check = known[kind]?[name] else {
      return (
        nil, (.lost, "\(kind.rawValue): there is no usable '\(name.shortened)'; it is left out")
      )
    }
    tracked.insert(check.node.source)
    var (weight, isReverse) = (check.weight, check.isReverse)
    var rest = item.arguments[...]
    while let option = rest.popFirst() {
      switch option {
      case "weight":
        guard let number = rest.popFirst().flatMap({ Int($0) }) else {
          return (nil, (.lost, "'\(name.shortened)' has no usable weight; it is left out"))
        }
        weight = number
        if rest.first == "reverse" { isReverse = true }
        if ["noreverse", "no_reverse"].contains(rest.first) { isReverse = false }
        if isReverse || rest.first?.contains("reverse") == true { _ = rest.popFirst() }
      default:
        return (
          nil,
          (
            .lost,
            "'\(option.shortened)' on the line of '\(name.shortened)' is no option; it is left out: "
              + "give each check a line of its own"
          )
        )
      }
    }
    if isOwner, weight != 0 {
      return (
        nil, (.note, "'\(name.shortened)' has a weight, which means nothing with priority 255")
      )
    }
    return kind == .file
      ? file(check, name, weight, isReverse)
      : plain(check, name, weight, isReverse)
  }

  private mutating func plain(
    _ check: KeepalivedCheck, _ name: String, _ weight: Int, _ isReverse: Bool
  ) -> (ImportedCheckUse?, remark: (ImportRemark.Kind, String)?) {
    guard let settings = isReverse ? check.inverse : check.forward else {
      return (
        nil,
        (
          .lost,
          "'\(name.shortened)' is to count in reverse, which has no equivalent; make a check of the "
            + "opposite with 'command'"
        )
      )
    }
    let made = make(name + (isReverse ? "-reverse" : ""), settings, check)
    guard weight != 0 else { return (ImportedCheckUse(check: made, weight: nil), nil) }
    // A priority has no room for more.
    let bounded = max(-254, min(254, isReverse ? -weight : weight))
    return (ImportedCheckUse(check: made, weight: bounded), nil)
  }

  /// The use of a file whose number is multiplied by a factor and then added to the priority.
  private mutating func file(
    _ check: KeepalivedCheck, _ name: String, _ weight: Int, _ isReverse: Bool
  ) -> (ImportedCheckUse?, remark: (ImportRemark.Kind, String)?) {
    let factor = isReverse ? -weight : weight
    switch factor {
    case 0:
      let made = make(
        name + (isReverse ? "-not-zero" : "-zero"), isReverse ? check.nonzero : check.zero, check)
      return (ImportedCheckUse(check: made, weight: nil), nil)
    case -254...254:
      let made = make(name, check.forward ?? [], check)
      // A weight of 1 too: without one the router would wait for a file that is not there yet.
      return (ImportedCheckUse(check: made, weight: factor, isNumberOfFile: true), nil)
    default:
      return (
        nil,
        (
          .lost,
          "'\(name.shortened)' is multiplied by \(factor) in keepalived, here by 254 at most; write "
            + "greater numbers into the file"
        )
      )
    }
  }

  /// The use of an interface whose weight is added while it is up.
  ///
  /// The kernel's file is 1 while it has a carrier, 0 while it has none, and can't be read while
  /// it is down.
  mutating func carrier(of item: KeepalivedNode, weight: Int) -> ImportedCheckUse {
    let path = "/sys/class/net/\(item.keyword)/carrier"
    let settings: [ImportedRouter.Setting] = [
      .init(key: "file", value: ImportedRouter.scalarOrPath(path), origin: .line(item.source)),
      .init(key: "interval", value: "200ms", origin: .note("the kernel doesn't tell of this file")),
    ]
    let made = make(
      "\(item.keyword)-up", settings, item.source, variant: "interface \(item.keyword)")
    return ImportedCheckUse(check: made, weight: weight, isNumberOfFile: true)
  }

  /// The remark that the weight of an interface has become one of a check.
  static func carrierRemark(of item: KeepalivedNode, weight: Int) -> String {
    "'\(item.keyword) weight \(weight)' has become a check of its carrier, whose weight is added "
      + "while it is up, since the priority has no room for it; a change counts within 200ms"
  }

  /// The name of a check here, which is made unless it is there already.
  private mutating func make(
    _ name: String, _ settings: [ImportedRouter.Setting], _ check: KeepalivedCheck
  ) -> String {
    make(name, settings, check.node.source, variant: "\(check.kind) \(name)")
  }

  private mutating func make(
    _ name: String, _ settings: [ImportedRouter.Setting], _ source: SourceLine, variant: String
  ) -> String {
    if let made = variants[variant] { return made }
    let usable = ImportedRouter.usableName(name, otherwise: "check")
    var unique = usable
    while made[unique] != nil {
      // Counted, so that a thousand of one name are not gone through for each.
      counts[usable, default: 1] += 1
      unique = "\(usable.prefix(56))-\(counts[usable] ?? 2)"
    }
    made[unique] = ImportedCheck(name: unique, source: source, settings: settings)
    names.append(unique)
    variants[variant] = unique
    return unique
  }

  // MARK: What has come of it

  /// Notes the uses of a router or group that was carried over.
  mutating func confirm(_ uses: [ImportedCheckUse]) {
    used.formUnion(uses.map(\.check))
  }

  /// Notes what a group that is left out tracks, which its remark covers.
  mutating func leaveOut(_ names: [KeepalivedCheck.Kind: Set<String>]) {
    for (kind, names) in names {
      for name in names {
        if let check = known[kind]?[name] { tracked.insert(check.node.source) }
      }
    }
  }

  /// Says of blocks that no router tracks that they are left out.
  mutating func tellUnused() {
    let unused = known.values.flatMap(\.values).filter { !tracked.contains($0.node.source) }
    for check in unused {
      remark(
        check.node,
        "'\(([check.node.keyword] + check.node.arguments.prefix(1)).joined(separator: " ").shortened)' "
          + "is tracked by no router, and so it is left out", .note)
    }
  }

  /// The checks that are used, in the order in which routers name them.
  var checks: [ImportedCheck] { names.filter(used.contains).compactMap { made[$0] } }

  private mutating func remark(
    _ node: KeepalivedNode, _ text: String, _ kind: ImportRemark.Kind = .lost
  ) {
    remarks.append(ImportRemark(source: node.source, kind: kind, text: text))
  }
}
