import VIPCore
import VRRP

/// What is known of a pool, with its texts read.
struct PoolState: Sendable {
  let name: String
  let spec: AddressPool.Spec
  var space: AddressSpace
  var free: [AddressFamily: FreeAddresses]
  var vrids: [VRID]
  var settings: VirtualRouter.Settings
  /// What is wrong with it, with the remedies.
  var problems: [String]
  /// What is wrong with it beside others and the nodes.
  var remarks: [String] = []
  /// The nodes that may serve its addresses.
  var eligible: Set<String> = []
  /// The nodes that might if they had a speaker.
  var mute: Set<String> = []
  /// What is said about the speakers of its nodes.
  var speakers: Condition?
  /// Whether that has to be found out again.
  var areSpeakersNews = true
  /// How many of its addresses are in use or on their way out of it.
  var used = 0
  /// Whether it is being deleted: it keeps what is in use, and gives nothing more.
  let isDeleting: Bool
  /// The status as the API has or will have it.
  var published: AddressPool.Status

  /// The most ranges that one pool can have.
  static let blockCountMax = 1000

  init(_ pool: AddressPool) {
    name = pool.metadata.name
    spec = pool.spec
    published = pool.status
    isDeleting = pool.metadata.isDeleting
    problems = []
    space = Self.space(of: pool.spec.addresses, &problems)
    free = [:]
    for family in AddressFamily.allCases { free[family] = FreeAddresses(space.blocks(family)) }
    vrids = Self.vrids(in: pool.spec.vrids, &problems)
    settings = Self.settings(of: pool.spec, &problems)
    if let routers = spec.routers, !(1...255).contains(routers) {
      problems.append("routers: \(routers) is not between 1 and 255; the default is used")
    }
  }

  /// Over how many routers its addresses are spread, if there are enough of them.
  var routerCount: Int {
    if let routers = spec.routers, (1...255).contains(routers) { return routers }
    // Those whose speakers are still to come, too: addresses do not move when they do.
    return min(max(eligible.count + mute.count, 1), 16)
  }

  /// Whether a Service may have its addresses.
  func permits(_ service: ServiceState, namespaceLabels: [String: String]?) -> Bool {
    (spec.namespaces.isEmpty || spec.namespaces.contains(service.key.namespace))
      && (spec.namespaceSelector?.matches(namespaceLabels ?? [:]) ?? true)
      && spec.serviceSelector.matches(service.labels)
  }

  private static func space(of texts: [String], _ problems: inout [String]) -> AddressSpace {
    var blocks: [AddressBlock] = []
    if texts.count > blockCountMax {
      problems.append(
        "addresses: only the first \(blockCountMax) of \(texts.count) entries are used; "
          + "make several pools")
    }
    for text in texts.prefix(blockCountMax) {
      do throws(AddressBlockError) {
        blocks.append(try AddressBlock(parsing: text))
      } catch {
        // One message has room for some of them.
        if problems.count < 10 {
          problems.append("addresses: '\(text.prefix(100))' is left out: \(error)")
        }
      }
    }
    if blocks.isEmpty { problems.append("addresses: there are none; name some") }
    return AddressSpace(blocks)
  }

  private static func vrids(in text: String, _ problems: inout [String]) -> [VRID] {
    var found: Set<VRID> = []
    for part in text.split(separator: ",").prefix(255) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false)
        .map { VRID($0.filter { $0 != " " }) }
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
        first <= last
      else {
        problems.append(
          "vrids: '\(part.prefix(40))' is left out: it is no number from 1 to 255 and no range as "
            + "31-60")
        continue
      }
      for number in first.rawValue...last.rawValue {
        if let vrid = VRID(octet: number) { found.insert(vrid) }
      }
    }
    if found.isEmpty { problems.append("vrids: there are none; write a range as 31-60") }
    return found.sorted()
  }

  private static func settings(
    of spec: AddressPool.Spec, _ problems: inout [String]
  ) -> VirtualRouter.Settings {
    var settings = VirtualRouter.Settings(
      preempt: spec.preempt, virtualMAC: spec.virtualMAC)
    if let interval = AdvertisementInterval(spec.interval) {
      settings.interval = interval
    } else {
      problems.append(
        "interval: '\(spec.interval.prefix(40))' is none from 10ms to 40.95s in steps of 10ms; "
          + "\(settings.interval) is used")
    }
    if let delay = Duration(text: spec.preemptDelay), delay <= .seconds(86_400) {
      settings.preemptDelay = delay
    } else {
      problems.append(
        "preemptDelay: '\(spec.preemptDelay.prefix(40))' is none from 0s to 24h; "
          + "\(settings.preemptDelay.text) is used")
    }
    if !spec.preempt { settings.preemptDelay = .zero }
    return settings
  }
}

/// Which of several nodes has a router: each node and router have a number, and the highest wins.
///
/// A node that comes or goes changes nothing between the others (rendezvous hashing).
enum Rendezvous {
  /// The number of a router and a node.
  static func weight(_ router: String, _ node: String) -> UInt64 {
    // FNV-1a, then the finish of SplitMix64: names that differ little are as far apart as any.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in router.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    hash = (hash ^ 0xFF) &* 0x100_0000_01B3
    for byte in node.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    hash = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
    hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
    return hash ^ hash >> 31
  }
}

/// The Services that wait for something, the oldest first.
struct WaiterQueue: Sendable {
  private(set) var ranks: [ServiceRank] = []

  var isEmpty: Bool { ranks.isEmpty }

  mutating func insert(_ rank: ServiceRank) {
    let place = position(of: rank)
    if place == ranks.count || ranks[place] != rank { ranks.insert(rank, at: place) }
  }

  mutating func remove(_ rank: ServiceRank) {
    let place = position(of: rank)
    if place < ranks.count, ranks[place] == rank { ranks.remove(at: place) }
  }

  /// The first one behind another.
  func first(after rank: ServiceRank?) -> ServiceRank? {
    guard let rank else { return ranks.first }
    var place = position(of: rank)
    if place < ranks.count, ranks[place] == rank { place += 1 }
    return place < ranks.count ? ranks[place] : nil
  }

  private func position(of rank: ServiceRank) -> Int {
    var low = 0
    var high = ranks.count
    while low < high {
      let middle = (low + high) / 2
      if ranks[middle] < rank { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
