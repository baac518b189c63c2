import ArgumentParser
import VIP
import VIPConfiguration
import VIPControl
import VIPCore
import VIPReports
import VIPService
import VRRP

struct SetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set",
    abstract: "Change single settings of a running router.",
    usage: "vipctl set <name> <setting> ...",
    discussion: """
      What is not named stays as it is. Most settings change in place; another interface, VRID, \
      version or virtual MAC address makes another virtual router of it, which hands over first. \
      Do the same on the other machines where all of a group need the same.

        vipctl set web --priority 120
        vipctl set web --no-preempt
        vipctl set 192.0.2.10 --interval 250ms --dry-run

      A node that runs with a configuration file goes back to the file at the next reload; \
      'vipctl config show' prints what runs as such a file.
      """)

  @Argument(
    help: ArgumentHelp("The router, by name or address.", valueName: "name"),
    completion: Completions.routerOrAddress)
  var name: String

  @OptionGroup var settings: SettingOptions
  @OptionGroup var trial: TrialOptions
  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    guard settings.isAnyGiven else {
      throw UsageErrors.failure("no setting is named; give one, such as --priority", command: "set")
    }
    let client = NodeClient(runtime)
    let record = try client.configuration(name)
    guard let present = record.routers.first, record.routers.count == 1 else {
      let names = record.routers.map(\.name).joined(separator: ", ")
      throw Failure(
        .failed, "several routers have the address \(name) (\(names)); name one of them")
    }
    var router = present
    do throws(SettingError) {
      try settings.apply(to: &router)
    } catch {
      throw UsageErrors.failure(error.description, command: "set")
    }
    do throws(ConfigurationError) {
      try router.validate()
    } catch {
      throw UsageErrors.failure(error.description, command: "set")
    }
    // One that waits already goes on waiting, with the other setting.
    let waits = try client.status(present.name).routers.contains { $0.state == .initialize }
    try client.change(
      .up([router], timeout: .seconds(15), unready: waits ? .wait : nil), isTrial: trial.dryRun)
  }
}

/// The settings that can be changed one by one.
struct SettingOptions: ParsableArguments {
  @Option(
    name: [.customShort("i"), .long],
    help: ArgumentHelp("The network interface that has the addresses.", valueName: "if"),
    completion: Completions.interface)
  var interface: String?

  @Option(
    help: ArgumentHelp("The group's number in its network, 1 to 255.", valueName: "n"),
    transform: SettingText.vrid)
  var vrid: VRID?

  @Option(
    help: ArgumentHelp("1 to 255; the highest holds the addresses.", valueName: "n"),
    transform: SettingText.priority)
  var priority: Priority?

  @Option(
    help: ArgumentHelp("How often the holder is heard, 10ms to 40.95s.", valueName: "time"))
  var interval: String?

  @Option(
    help: ArgumentHelp("The version of VRRP, 3 or (IPv4 only) 2.", valueName: "n"),
    completion: .list(["2", "3"]), transform: SettingText.version)
  var version: ProtocolVersion?

  @Flag(
    inversion: .prefixedNo,
    help: "Whether to replace a holder with a lower priority.")
  var preempt: Bool?

  @Option(
    help: ArgumentHelp(
      "How long to leave a holder with a lower priority in peace.", valueName: "time"),
    transform: SettingText.preemptDelay)
  var preemptDelay: Duration?

  @Option(
    help: ArgumentHelp(
      "What IPv4 checksums cover: auto (as the peers), pseudo-header, message.", valueName: "form"),
    completion: .list(["auto", "pseudo-header", "message"]), transform: SettingText.checksum)
  var checksum: ChecksumPolicy?

  @Option(
    help: ArgumentHelp(
      "seamless, or strict: the addresses go with the farewell.", valueName: "way"),
    completion: .list(["seamless", "strict"]), transform: SettingText.handover)
  var handover: HandoverPolicy?

  @Flag(
    inversion: .prefixedNo,
    help: "Whether to ask the network first whether another machine uses an address.")
  var probe: Bool?

  @Flag(
    name: .customLong("virtual-mac"), inversion: .prefixedNo,
    help: "Whether to serve the addresses under the group's own Ethernet address.")
  var virtualMAC: Bool?

  @Option(
    name: .customLong("track"),
    help: ArgumentHelp(
      "Another interface it depends on, instead of those that it has. May be given several times.",
      valueName: "if[=n]"),
    transform: SettingText.track)
  var tracks: [Track] = []

  /// Whether there is anything to change.
  var isAnyGiven: Bool {
    let isGiven = [
      interface != nil, vrid != nil, priority != nil, interval != nil, version != nil,
      preempt != nil, preemptDelay != nil, checksum != nil, handover != nil, probe != nil,
      virtualMAC != nil, !tracks.isEmpty,
    ]
    return isGiven.contains(true)
  }

  /// Changes a router's settings to those that are given.
  func apply(to router: inout RouterConfiguration) throws(SettingError) {
    if let interface { router.interface = interface }
    if let vrid { router.vrid = vrid }
    if let priority { router.priority = priority }
    if let version { router.version = version }
    if let interval {
      do throws(SettingError) {
        router.interval = try SettingText.interval(interval, version: router.version)
      } catch {
        throw SettingError("--interval: \(error)")
      }
    }
    if preempt == false, let preemptDelay, preemptDelay > .zero {
      throw SettingError("--no-preempt and --preempt-delay exclude each other; give one of them")
    }
    if let preempt {
      router.preempts = preempt
      if !preempt { router.preemptDelay = .zero }
    }
    if let preemptDelay {
      router.preemptDelay = preemptDelay
      if preemptDelay > .zero { router.preempts = true }
    }
    if let checksum { router.checksum = checksum }
    if let handover { router.handover = handover }
    if let probe { router.probes = probe }
    if let virtualMAC { router.virtualMAC = virtualMAC }
    if !tracks.isEmpty { router.tracks = tracks }
  }
}
