import VIP
public import VIPCore
import VRRP

/// A promise of Docs/Guarantees.md that a simulation saw broken.
public struct BrokenPromise: Sendable, Hashable, CustomStringConvertible {
  /// The moment, in true time.
  public let time: Instant
  /// The promise that was broken.
  public let promise: Promise
  /// The machine that showed it; `nil` if it is about a whole segment.
  public let machine: String?
  /// The observation in words.
  public let detail: String

  /// A promise of a segment of nodes; the words are those of its table where it has them.
  public enum Promise: String, Sendable, Hashable, CaseIterable {
    /// A client is served again within 3 × interval + skew, and what a repair or a retry takes.
    case replacedInTime = "a dead holder is replaced within 3 × interval + skew"
    /// While only commands move an address, a client is served without a gap.
    case plannedMove = "a planned move costs a client no outage that it would notice"
    /// An address that a split left on two machines is on one of them when the segment has been
    /// whole for a while.
    case oneHolder = "a split segment has one holder again once it is whole"
    /// The Active of a group at rest holds its addresses; clients' caches point at it.
    case settled = "at rest the Active of a group, and no other, holds and announces its addresses"
    /// No other running router has a higher claim than the Active of a group at rest.
    case rightActive = "no running router would replace the Active of a group at rest"
    /// The deeds of the guard would bring the machine back to what it was; at rest it would remove
    /// no address that its node has not put up.
    case guardKnows = "no address outlives its node for long: the guard would leave nothing"
    /// Each address has an end in the kernel, or the guard knows it.
    case leased = "no address outlives its node for long: every address has a lifetime"
    /// The lease of an address that is held by a living node does not run out.
    case refreshed = "only a living node renews a lease, and it does"
    /// After an end in good order the machine is as it was.
    case nothingLeft = "nothing is left behind"
    /// A node that was frozen or asleep says nothing before it has heard the others.
    case listensFirst = "a node that has been suspended steps down before it advertises"
    /// The routers of a group move together.
    case together = "the routers of a group are not Active on different nodes for long"
    /// A router takes part if nothing keeps it from it.
    case takesPart = "a router takes part once its interface can carry it"
    /// The status says what the kernel has.
    case honestStatus = "it says what is: the status agrees with the kernel"
    /// A node that serves nothing listens to nothing.
    case quietBackup = "a Backup listens to no announcements"
    /// A node that has nothing to do takes no turns.
    case noBusyLoop = "turns are bounded"
    /// A problem is told, but not without end.
    case noFlood = "what is wrong is told once"
    /// Advertisements are bounded.
    case boundedSending = "advertisements per interval are bounded"
  }

  /// One line.
  public var description: String {
    "\(promise.rawValue)" + (machine.map { " (\($0): \(detail))" } ?? " (\(detail))")
  }
}

/// The memory of the simulation, by which it judges the promises.
struct NodeSupervisor {
  /// Something that makes the next bounds longer for a while.
  enum Trouble: Hashable, CaseIterable {
    /// Addresses or macvlans were touched by others, which is repaired later and later.
    case meddling
    /// Requests, sockets or frames were refused.
    case refusal
    /// A stranger had addresses or a VRID.
    case stranger
  }

  /// The time when something last happened from outside.
  var lastDisturbance = Instant.zero
  /// The time when what was arranged earlier happens, such as the end of a resignation.
  var quietFrom = Instant.zero
  /// The time when each kind of trouble last was.
  var troubles: [Trouble: Instant] = [:]
  /// Whether everything was looked at since the last disturbance.
  var isAudited = false
  var auditCount = 0
  /// The time when it will be looked at.
  var nextAudit: Instant?
  /// The unrest that kept everything from being looked at when that was last tried.
  var unrest = (kind: Unrest.unbegun, text: "nothing has happened since")
  /// Whether since the last audit only a command has moved addresses.
  var isPlanned = false
  /// Whether that was the death of a node whose guard keeps its addresses.
  var isDeath = false
  /// The time since which, after all was at rest, nothing has happened but that routers of the same
  /// addresses became other virtual routers; `nil` if anything else has.
  var rolloutSince: Instant?
  /// The longest interval that each VRID was seen with, in nanoseconds.
  var longestIntervals: [VRID: UInt64] = [:]
  /// The addresses that nodes may hold, by segment.
  var watched: [WatchedAddress] = []
  /// Times for which addresses were without service, or with several holders.
  var measures: [IPAddress: AddressMeasure] = [:]
  /// The places among them of each address, by segment.
  var places: [[IPAddress: Int]] = [[:], [:]]
  /// The places of those that no client reaches, or that several machines have, in order.
  var troubled: [Int] = []
  /// The settings that these were made from.
  var watchedSettings: [[RouterConfiguration]] = []
  var watchedPlaces: [[Int32: Int]] = []
  var watchedRevision = -1
  /// Counts changes of clients' caches, and of switches' tables, that concern any number of
  /// addresses.
  var cacheRevision = 0
  /// The places of addresses whose entry in a client's cache has changed since the last look.
  var moved: [Int] = []
  /// The time since which the routers of a group are Active on different nodes, by its name.
  var splitSince: [String: Instant] = [:]
  /// The sources of the last look at addresses.
  var lookedAt: Look?

  /// The sources of a look at addresses.
  struct Look: Equatable {
    /// The machines' counters, which only ever count up, added together, and their number.
    var revision = 0
    /// The revision of clients' caches and switches' tables.
    var cacheRevision = 0
    /// Whether each segment is free of losses and strangers.
    var isPlain = (false, false)
    /// The machines that are cut off, frozen and asleep, a bit for each.
    var cut: UInt64 = 0
    var frozen: UInt64 = 0
    var asleep: UInt64 = 0

    var areAllPresent: Bool { cut | frozen | asleep == 0 }

    /// Whether each segment is plain and no machine is away.
    var isCalm: Bool { isPlain.0 && isPlain.1 && areAllPresent }

    static func == (one: Look, other: Look) -> Bool {
      one.revision == other.revision && one.cacheRevision == other.cacheRevision
        && one.isPlain == other.isPlain && one.cut == other.cut
        && one.frozen == other.frozen && one.asleep == other.asleep
    }
  }
}

/// One address on one segment.
struct WatchedAddress {
  let segment: Int
  let address: IPAddress
  /// The machines whose nodes have a router for it, with its settings.
  var members: [(machine: Int, settings: RouterConfiguration)]
  /// The time since which no client is served; `nil` if one is.
  var unservedSince: Instant?
  /// The last time when, while machines were away, no router ran on those that were left.
  var unmannedAt = Instant.zero
  /// Whether a client has followed an announcement that a later one had overtaken, since it was
  /// served.
  var isMisled = false
  /// The time since which several machines have it.
  var doubleSince: Instant?
  /// Whether several machines had it while the segment was not whole.
  var wasSplit = false
  /// Whether the last rollout that began must cost its clients nothing.
  var isRolledOut = false
  /// Whether a client was served when something last happened from outside.
  var wasServed = false
  /// The time to look at it again.
  var nextJudgement: Instant?
  /// Whether its present trouble was reported.
  var isReported = false

  /// Whether another address is held by the same routers on the same segment.
  func isAlike(_ other: WatchedAddress) -> Bool {
    segment == other.segment && members.count == other.members.count
      && zip(members, other.members).allSatisfy { own, other in
        own.machine == other.machine && own.settings.name == other.settings.name
      }
  }

  /// Whether all routers that list it belong to one group and understand one another.
  var isConsistent: Bool {
    guard let first = members.first?.settings else { return false }
    return members.allSatisfy { member in
      let other = member.settings
      return other.vrid == first.vrid && other.version == first.version
        && other.password == first.password && other.peers.isEmpty == first.peers.isEmpty
        && other.virtualMAC == first.virtualMAC
        && (first.version == .v3 || other.interval == first.interval)
        && members.count { $0.machine == member.machine } == 1
    }
  }
}
