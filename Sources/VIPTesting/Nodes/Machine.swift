import Netlink
import VIP
import VIPCore
import VRRPSimulation

/// A machine on a simulated segment: what is there whether or not a node runs on it.
final class Machine {
  /// A thing that a machine can refuse for a while.
  enum Refusal: String, Sendable, Hashable, CaseIterable {
    /// Putting addresses on interfaces.
    case install
    /// Taking addresses from interfaces.
    case remove
    /// Making and changing interfaces.
    case link
    /// Sending advertisements.
    case send
    /// Sending them by a socket, since a firewall drops what leaves.
    case permission
    /// Sending them by a socket, since its table of neighbours is full; they leave in frames then.
    case neighbours
    /// Sending announcements and other whole frames.
    case announce
    /// Opening sockets.
    case open
  }

  /// The reason why its process does not run although it is there.
  enum Standstill: Sendable, Hashable {
    /// The process is stopped; the kernel goes on.
    case frozen
    /// The whole machine sleeps; its clock goes on, its kernel does not.
    case asleep
  }

  /// A virtual router of one family.
  struct Role: Hashable {
    var vrid: VRID
    var family: AddressFamily
  }

  let name: String
  let number: Int
  /// The machine's Linux.
  let kernel: FakeKernel
  /// The same machine as it would be without any node: only others act on it.
  let untouched: FakeKernel
  var clock: NodeClock
  /// The node that runs here.
  var process: NodeProcess? {
    didSet { settingsRevision += 1 }
  }
  /// Counts what happened to the settings of its routers.
  var settingsRevision = 0
  /// The segment of each interface, by the interface's number.
  var attachments: [Int32: Int] = [:] {
    didSet {
      ports = segmentNumbers.map { segment in
        attachments.filter { $0.value == segment }.keys.sorted()
      }
      settingsRevision += 1
    }
  }
  /// The interfaces on each segment, in a fixed order.
  private(set) var ports: [[Int32]] = [[], []]
  private let segmentNumbers = 0..<2
  /// Settings below /proc/sys/net that were written.
  var settings: [String: Int] = [:]
  /// The names that the running process has claimed.
  var names: Set<String> = []
  /// The addresses that the last node noted in its runtime directory.
  var addressFile: Set<AddressFile.Entry> = []
  /// The routes and rules in that list.
  var routingFile: [Extra] = []
  /// The routers of a node that is started again: the file of its operator.
  var wanted: [RouterConfiguration] = []
  /// The groups of these.
  var groups: [RouterGroup] = []
  /// The node's own settings, for its process and the next one.
  var options = NodeOptions()
  /// The lease of the last node that has died here.
  var lastLease = LeasePolicy.default
  /// The time until which something is refused, in true time.
  var refusedUntil: [Refusal: Instant] = [:]
  var isCut = false
  /// Whether changes of routers concern only the file.
  var isEditing = false
  /// Whether its process reads the file when it goes on after a standstill.
  var reloadsOnWake = false
  var standstill: (kind: Standstill, end: Instant)?
  /// The guards of dead processes that have not ended yet.
  var caretakers: [Caretaker] = []
  /// Changes of routers that were refused.
  var refusals: [String] = []
  /// The deeds on this machine since it was last asked.
  var log: [MachineDeed] = []
  /// Counts what happened to addresses and interfaces.
  var revision = 0
  /// The addresses that its kernel's clock has taken from its node since it was last asked.
  var expired: Set<InterfaceAddress> = []
  /// The time when its process last came back from a standstill, and how long that was.
  var lastWake: Instant?
  /// The time when it had come back before that.
  var wakeBefore: Instant?
  var lastAbsence = Duration.zero
  /// The routers that were Active when its process came to a standstill.
  var activeBefore: Set<Role> = []
  /// The advertisements that have left it lately.
  var advertisementRates: [AdvertisementRate.Key: AdvertisementRate] = [:]
  /// Number of farewells that have arrived.
  var farewellsHeard: [Role: Int] = [:]
  /// The things that its node told lately, to notice floods.
  var told: [String: (since: Instant, count: Int)] = [:]
  var turnsCountedFrom = Instant.zero
  var turnsCounted = 0
  /// The revision with which the guard's area was last compared.
  var guardedRevision = -1
  /// The revision with which the ends of addresses were last looked at.
  var leasedRevision = -1
  private var knownView = View()
  /// The facts as of the last look at addresses.
  private var lookedView: View?
  /// Number of further requests that the process lives for; `nil` if it is not about to die.
  var requestsUntilDeath: Int?
  /// The number of the latest interface that appeared.
  var lastIndex: Int32 = 100
  /// The local time up to which the kernel's time has passed.
  private var kernelTime: Instant

  init(_ name: String, number: Int, links: [Link]) {
    self.name = name
    self.number = number
    kernel = FakeKernel(links: links)
    untouched = FakeKernel(links: links)
    // Clocks begin anywhere.
    let start = Instant(nanoseconds: 1_000_000_000_000 * UInt64(number + 1))
    clock = NodeClock(startingAt: start)
    kernelTime = start
  }

  /// Gives the machine an address of its own.
  func own(_ address: InterfaceAddress, onInterface index: Int32) {
    for caretaker in caretakers { caretaker.care.retake(address, interfaceIndex: index) }
    if address.family == .ipv4 {
      let request = AddressRequest(interfaceIndex: index, address: address, protocolTag: 0)
      return act { _ = $0.install([request]) }
    }
    let scope: UInt8 = address.address.isLinkLocal ? 253 : 0
    let record = AddressRecord(
      interfaceIndex: index, address: address, flags: .permanent, scope: scope)
    act { $0.add(record) }
  }

  /// Lets another program do something: the machine without a node would have seen it too.
  func act(_ body: (FakeKernel) -> Void) {
    body(kernel)
    body(untouched)
    revision += 1
  }

  // MARK: Time

  /// Lets the kernel's time pass.
  func advanceKernel(to now: Instant) {
    let local = clock.localTime(at: now)
    defer { kernelTime = local }
    guard local > kernelTime, standstill?.kind != .asleep else { return }
    let passed = local - kernelTime
    let isEnding = kernel.nextDeadline().map { $0 <= kernel.now + passed } ?? false
    let before = isEnding ? kernel.entries.filter(\.record.isOurs).map(\.record.address) : []
    kernel.advance(by: passed)
    untouched.advance(by: passed)
    guard isEnding else { return }
    revision += 1
    let after = Set(kernel.entries.lazy.filter(\.record.isOurs).map(\.record.address))
    for address in before where !after.contains(address) {
      expired.insert(address)
      log.append(.remark("the lease of \(address) ends"))
    }
  }

  /// The time when the next lifetime of an address ends, in true time.
  var nextExpiry: Instant? {
    guard standstill?.kind != .asleep, let end = kernel.nextDeadline() else { return nil }
    return clock.trueTime(of: kernelTime + (end - kernel.now))
  }

  /// Whether something is refused at a moment.
  func refuses(_ what: Refusal, at now: Instant) -> Bool {
    refusedUntil[what].map { now < $0 } ?? false
  }

  // MARK: Presence

  /// Whether it is plugged in and its process runs, if there is one.
  var isPresent: Bool { !isCut && standstill == nil }

  /// Whether its kernel answers: that of a frozen process does.
  var isReachable: Bool { !isCut && standstill?.kind != .asleep }

  // MARK: Interfaces

  func link(_ index: Int32) -> Link? { kernel.currentLinks.first { $0.index == index } }

  func link(named name: String) -> Link? { kernel.currentLinks.first { $0.name == name } }

  /// The interface that leads to a segment.
  func interface(on segment: Int) -> Link? {
    kernel.currentLinks.first { attachments[$0.index] == segment }
  }

  /// Whether packets come in and go out by an interface.
  func isConnected(_ index: Int32) -> Bool {
    isReachable && (link(index)?.isUsable ?? false)
  }

  /// Whether a network card lets something through: what is for all, or for an Ethernet address of
  /// this machine.
  func takes(_ content: Parcel.Content, by index: Int32) -> Bool {
    guard case .frame(let frame) = content, frame.count >= 14, frame[0] & 1 == 0 else {
      return true
    }
    let destination = frame.span.macAddress(at: 0)
    return kernel.currentLinks.contains { link in
      link.macAddress == destination
        && (link.index == index || (link.parentIndex == index && link.kind == "macvlan"))
    }
  }

  // MARK: Addresses

  /// The Ethernet addresses that answer a question about an address which comes in by an interface.
  func answers(about address: IPAddress, onInterface index: Int32) -> [MACAddress] {
    kernel.currentLinks.compactMap { link in
      let isBelow = link.index == index
      guard isBelow || (link.parentIndex == index && link.kind == "macvlan"), link.isUsable,
        let mac = link.macAddress
      else { return nil }
      let ignore = link.ipv4[.arpIgnore] ?? 0
      let isAnswered = kernel.entries.contains { entry in
        guard entry.record.address.address == address, entry.isLocal else { return false }
        if entry.record.interfaceIndex == link.index { return ignore < 8 || !address.isIPv4 }
        return address.isIPv4 && ignore == 0
      }
      return isAnswered ? mac : nil
    }
  }

  /// Whether a packet to an address that comes in under an Ethernet address is taken here.
  func serves(_ address: IPAddress, at mac: MACAddress, onSegment segment: Int) -> Bool {
    view.local.contains(address) && view.heard[segment].contains(mac) && isReachable
  }

  /// Whether an address is the host's own, on any interface.
  func hasOwn(_ address: IPAddress) -> Bool {
    untouched.entries.contains { $0.record.address.address == address }
  }

  /// Whether an interface has an address that advertisements of a family can be sent from.
  func hasSource(_ family: AddressFamily, onInterface index: Int32) -> Bool {
    untouched.entries.contains {
      $0.record.interfaceIndex == index && $0.record.address.family == family
        && (family == .ipv4 || $0.record.address.address.isLinkLocal)
    }
  }

  /// The same as ``holds(_:onSegment:)``, worked out once for all addresses.
  func holdsCached(_ address: IPAddress, onSegment segment: Int) -> Bool {
    view.held[segment].contains(address)
  }

  /// Whether any address of a node can be reached here on a segment.
  func holdsAny(onSegment segment: Int) -> Bool { !view.held[segment].isEmpty }

  /// The addresses that may be reached here otherwise than at the last look; `nil` if it may be
  /// any.
  func takeChanges() -> Set<IPAddress>? {
    let present = view
    guard let before = lookedView else { return nil }
    if before.revision == present.revision { return [] }
    lookedView = present
    guard before.heard == present.heard else { return nil }
    var changed = before.local.symmetricDifference(present.local)
    for segment in segmentNumbers {
      changed.formUnion(before.held[segment].symmetricDifference(present.held[segment]))
    }
    return changed
  }

  /// Looks at all addresses.
  func forgetChanges() { lookedView = view }

  /// Facts that follow from addresses and interfaces, as of a revision.
  private struct View {
    var revision = -1
    /// Addresses of nodes that can be reached here, by segment.
    var held: [Set<IPAddress>] = [[], []]
    /// All addresses that the machine takes for its own.
    var local: Set<IPAddress> = []
    /// The Ethernet addresses under which frames are taken, by segment.
    var heard: [Set<MACAddress>] = [[], []]
  }

  private var view: View {
    if knownView.revision == revision { return knownView }
    var view = View()
    view.revision = revision
    var segments: [Int32: Int] = [:]
    for link in kernel.currentLinks where link.isUsable {
      let below = link.kind == "macvlan" ? link.parentIndex ?? 0 : link.index
      guard let segment = attachments[below], self.link(below)?.isUsable ?? false else { continue }
      segments[link.index] = segment
      if let mac = link.macAddress { view.heard[segment].insert(mac) }
    }
    for entry in kernel.entries where entry.isLocal {
      view.local.insert(entry.record.address.address)
      guard entry.record.isOurs, let segment = segments[entry.record.interfaceIndex] else {
        continue
      }
      view.held[segment].insert(entry.record.address.address)
    }
    knownView = view
    return view
  }

  /// Whether an address of a node can be reached here on a segment, whatever caches say.
  func holds(_ address: IPAddress, onSegment segment: Int) -> Bool {
    holdsCached(address, onSegment: segment)
  }
}

/// The operator's settings of a simulated node, beside its routers.
struct NodeOptions: Sendable, Hashable {
  var lease = LeasePolicy.default
  var isGuarded = true
}

extension IPAddress {
  var isIPv4: Bool { family == .ipv4 }
}
