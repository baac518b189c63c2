import VIP
import VIPCore
import VRRP
import VRRPSimulation

/// The advertisements that one router has sent to one address.
struct AdvertisementRate {
  /// A router of one family on one interface, and an address that it sends to.
  struct Key: Hashable {
    var interfaceIndex: Int32
    var vrid: VRID
    /// The group of all routers, or a unicast peer; of the router's family.
    var destination: IPAddress
  }

  /// The beginning of the window by the clock of the machine, which its timers follow.
  var windowStart: Instant
  /// The interval of the router when the window began, in nanoseconds.
  var window: UInt64
  /// The last time before the window that something happened from outside.
  var disturbance: Instant
  /// The farewells that the machine had heard by then.
  var farewellsHeard: Int
  var count = 0
}

/// Advertisements per interval are bounded.
extension NodeSimulation {
  /// Advertisements to one address within one interval in which nothing happens from outside,
  /// beside one for each farewell that is heard: the router's turn, one ahead of long work, four
  /// answers (five at the edges of the interval) which those that say a change of the list are
  /// among, a takeover, a concession and a farewell.
  private static let advertisementsMax = 10

  /// An advertisement leaves a machine, by its node or its guard.
  func countAdvertisement(
    _ vrid: VRID, to destination: IPAddress, by machine: Machine, onInterface index: Int32
  ) {
    let key = AdvertisementRate.Key(interfaceIndex: index, vrid: vrid, destination: destination)
    let known = machine.advertisementRates[key]
    // A guard speaks for a router that is gone, and so does a node that has just removed one.
    let settings = machine.process?.settings.first { $0.vrid == vrid }
    guard let window = settings?.interval.nanoseconds ?? known?.window else { return }
    let time = machine.clock.localTime(at: now)
    let role = Machine.Role(vrid: vrid, family: destination.family)
    let heard = machine.farewellsHeard[role] ?? 0
    // A command may make a router speak at once, and begins a new interval.
    var rate = AdvertisementRate(
      windowStart: time, window: window, disturbance: supervisor.lastDisturbance,
      farewellsHeard: heard)
    if let known, known.window == window, known.disturbance == supervisor.lastDisturbance,
      time.nanoseconds(since: known.windowStart) < window
    {
      rate = known
    }
    rate.count += 1
    machine.advertisementRates[key] = rate
    // Told once in an interval.
    if rate.count == Self.advertisementsMax + heard - rate.farewellsHeard + 1 {
      breach(
        .boundedSending, machine,
        "VRID \(vrid) sends \(rate.count) advertisements to \(destination) in one interval")
    }
  }

  /// Counts a message that arrives at a machine if it is a farewell, whether or not its node can
  /// read it.
  func countFarewell(in message: [UInt8], _ family: AddressFamily, at machine: Machine) {
    guard message.count > 2, Priority(rawValue: message[2]) == .farewell,
      let vrid = VRID(exactly: Int(message[1]))
    else { return }
    machine.farewellsHeard[Machine.Role(vrid: vrid, family: family), default: 0] += 1
  }
}
