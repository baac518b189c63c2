import ArgumentParser
import Glibc
import VIP
import VIPConfiguration
import VIPCore
import VRRP

/// The routers that `run` and `up` are told: one by flags, or any number by a file.
struct RouterOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "The virtual addresses with their prefix lengths, IPv4 and IPv6.", valueName: "address"))
  var addresses: [String] = []

  @Option(
    name: [.customShort("i"), .long],
    help: ArgumentHelp("The network interface that gets the addresses.", valueName: "if"),
    completion: Completions.interface)
  var interface: String?

  @Option(
    help: ArgumentHelp(
      "The group's number on its segment, 1 to 255; the same on all its machines.",
      valueName: "n"),
    transform: SettingText.vrid)
  var vrid: VRID?

  @Option(help: ArgumentHelp("The router's name. (default: IF-VRID)", valueName: "name"))
  var name: String?

  @Option(
    help: ArgumentHelp(
      "1 to 255; the highest holds the addresses. (default: 100; 255: address owner)",
      valueName: "n"),
    transform: SettingText.priority)
  var priority: Priority?

  @Option(
    help: ArgumentHelp(
      "Time between advertisements, 10ms to 40.95s; the same on all. (default: 1s)",
      valueName: "time"))
  var interval: String?

  @Option(
    help: ArgumentHelp(
      "The version of VRRP, 3 or (IPv4 only) 2; the same on all. (default: 3)", valueName: "n"),
    completion: .list(["2", "3"]), transform: SettingText.version)
  var version: ProtocolVersion?

  @Flag(name: .customLong("no-preempt"), help: "Don't preempt a holder with a lower priority.")
  var noPreempt = false

  @Option(
    help: ArgumentHelp(
      "How long to wait before preempting a lower priority. (default: 0s)",
      valueName: "time"),
    transform: SettingText.preemptDelay)
  var preemptDelay: Duration?

  @Option(
    help: ArgumentHelp(
      "How long the addresses outlive a frozen node: auto, 2s to 1h, or off. (default: auto)",
      valueName: "time"),
    transform: SettingText.lease)
  var lease: LeasePolicy?

  @Flag(
    name: .customLong("no-guard"),
    help: "Run without the guard, which hands over for a node that was killed.")
  var noGuard = false

  @Flag(help: "Run before all ordinary work and stay in memory (SCHED_FIFO, mlockall).")
  var realtime = false

  @Option(
    help: ArgumentHelp(
      "What IPv4 checksums cover: auto (as the peers), pseudo-header, message. (default: auto)",
      valueName: "form"),
    completion: .list(["auto", "pseudo-header", "message"]), transform: SettingText.checksum)
  var checksum: ChecksumPolicy?

  @Flag(
    name: .customLong("no-probe"),
    help: "Don't probe first whether another machine uses an address.")
  var noProbe = false

  @Flag(
    name: .customLong("virtual-mac"),
    help: "Serve the addresses under the group's own Ethernet address, which moves with them.")
  var virtualMAC = false

  @Option(
    name: .customLong("track"),
    help: ArgumentHelp(
      "Another interface it depends on: while that is down it takes no part, or its priority is n "
        + "lower. May be given several times.", valueName: "if[=n]"),
    transform: SettingText.track)
  var tracks: [Track] = []

  @Option(
    name: .customLong("peer"),
    help: ArgumentHelp(
      "Another machine of the group, to advertise to by unicast. May be given several times. "
        + "(default: none, multicast)", valueName: "address"),
    transform: SettingText.host)
  var peers: [IPAddress] = []

  @Option(
    name: [.customShort("f"), .long],
    help: ArgumentHelp("Take everything from a YAML file instead.", valueName: "file"),
    completion: Completions.configuration)
  var config: String?

  /// Loads what is asked for, from the flags or the file; refuses what makes no sense.
  ///
  /// Not part of the parsing, where it would hide mistyped flags.
  func load(
    for command: String, _ unready: UnreadyPolicy
  ) throws(Failure) -> FileConfiguration {
    if let config {
      guard let flag = firstFlag else { return try Self.read(config, unready) }
      throw UsageErrors.failure(
        "--config and \(flag) exclude each other; set it in the file", command: command)
    }
    do throws(SettingError) {
      var file = FileConfiguration(routers: [try routerFromFlags()])
      for setting in NodeSetting.allCases where flag(of: setting) != nil {
        set(setting, in: &file.settings)
        file.given.insert(setting)
      }
      return file
    } catch {
      throw UsageErrors.failure(error.description, command: command)
    }
  }

  private static func read(
    _ path: String, _ unready: UnreadyPolicy
  ) throws(Failure) -> FileConfiguration {
    do throws(FileError) {
      return try ConfigurationFile.load(path, unready: unready)
    } catch {
      throw Failure(error)
    }
  }

  private func routerFromFlags() throws(SettingError) -> RouterConfiguration {
    var virtual: [InterfaceAddress] = []
    for text in addresses { virtual.append(try SettingText.address(text)) }
    guard !virtual.isEmpty else {
      throw SettingError("no addresses are given; name at least one, or a file with --config")
    }
    guard let interface else {
      throw SettingError("no interface is given; name it with --interface IF")
    }
    guard let vrid else {
      throw SettingError("no VRID is given; choose 1 to 255 with --vrid N, the same on all")
    }
    if noPreempt, preemptDelay != nil {
      throw SettingError("--no-preempt and --preempt-delay exclude each other; give one of them")
    }
    let router = RouterConfiguration(
      name: name, interface: interface, vrid: vrid, priority: priority ?? .default,
      interval: try intervalFromFlag() ?? .default, addresses: virtual, preempts: !noPreempt,
      checksum: checksum ?? .auto, version: version ?? .v3, preemptDelay: preemptDelay ?? .zero,
      probes: !noProbe, virtualMAC: virtualMAC, tracks: tracks, peers: peers)
    do throws(ConfigurationError) {
      try router.validate()
    } catch {
      throw SettingError(error.description)
    }
    return router
  }
}

/// The settings that the flags give: a file would say the same.
extension RouterOptions {
  /// The first thing given that a file would say.
  private var firstFlag: String? {
    RouterSetting.allCases.lazy.compactMap { flag(of: $0) }.first
      ?? NodeSetting.allCases.lazy.compactMap { flag(of: $0) }.first
  }

  /// The flag by which a setting of the router is given; `nil` if it is not.
  private func flag(of setting: RouterSetting) -> String? {
    if setting == .addresses { return addresses.isEmpty ? nil : "addresses" }
    let isGiven: [Bool] =
      switch setting {
      case .name: [name != nil]
      case .interface: [interface != nil]
      case .vrid: [vrid != nil]
      case .priority: [priority != nil]
      case .interval: [interval != nil]
      case .preempt: [noPreempt, preemptDelay != nil]
      case .version: [version != nil]
      case .checksum: [checksum != nil]
      case .probe: [noProbe]
      case .virtualMAC: [virtualMAC]
      case .track: [!tracks.isEmpty]
      case .peers: [!peers.isEmpty]
      // Only a file can say these, but for the addresses, which stand without a flag.
      case .addresses, .authentication, .handover, .checks, .startDelay, .linkDelay, .holdDown,
        .hooks, .multicastGroup, .unicastSource, .routes, .rules:
        []
      }
    return zip(setting.flags, isGiven).first { $0.1 }.map { "--\($0.0)" }
  }

  /// The settings of a router that runs which would be reset, since no flag repeats them; empty if
  /// there is none.
  ///
  /// - Parameters:
  ///   - present: the router as it is.
  ///   - wanted: the router that the flags describe.
  /// - Returns: the settings in words.
  func resets(
    of present: RouterConfiguration, by wanted: RouterConfiguration
  ) -> String {
    let settings = present.settings(differingFrom: wanted).filter { setting in
      setting == .preempt
        // Two flags say it together.
        ? !(noPreempt || preemptDelay != nil) : flag(of: setting) == nil
    }
    return present.difference(to: wanted, in: settings)
  }

  /// The flag by which a setting of the node is given; `nil` if it is not.
  private func flag(of setting: NodeSetting) -> String? {
    let isGiven: [Bool] =
      switch setting {
      case .lease: [lease != nil]
      case .guard: [noGuard]
      case .realtime: [realtime]
      // Only a file can say it.
      case .announcements: []
      }
    return zip(setting.flags, isGiven).first { $0.1 }.map { "--\($0.0)" }
  }

  private func set(_ setting: NodeSetting, in settings: inout NodeSettings) {
    switch setting {
    case .lease: settings.lease = lease ?? settings.lease
    case .guard: settings.isGuarded = !noGuard
    case .realtime: settings.isRealtime = realtime
    case .announcements: break
    }
  }
}

extension RouterOptions {
  /// Reads the interval; its limits depend on the version, wherever on the line that stands.
  private func intervalFromFlag() throws(SettingError) -> AdvertisementInterval? {
    guard let interval else { return nil }
    do throws(SettingError) {
      return try SettingText.interval(interval, version: version ?? .v3)
    } catch {
      throw SettingError("--interval: \(error)")
    }
  }
}

/// The policy for a router that this machine can't serve yet.
struct StrictnessOptions: ParsableArguments {
  @Flag(
    inversion: .prefixedNo,
    help: ArgumentHelp(
      "Whether to refuse what this machine can't serve yet, or to let it wait. (default: "
        + "'up' refuses, 'run' lets it wait)"))
  var strict: Bool?

  /// The policy that the flags say, else what the command does by itself.
  func policy(ifUnsaid policy: UnreadyPolicy) -> UnreadyPolicy {
    strict.map { $0 ? .refuse : .wait } ?? policy
  }
}

/// Whether it is meant in earnest.
struct TrialOptions: ParsableArguments {
  @Flag(help: "Print what would change, and change nothing.")
  var dryRun = false
}

/// The node that is meant.
struct RuntimeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where the node keeps its control socket. (default: $VIPCTL_RUNTIME_DIR or /run/vipctl)",
      valueName: "dir"),
    completion: .directory)
  var runtimeDir: String?

  /// The runtime directory of the node that is meant.
  var directory: String { Self.directory(runtimeDir) }

  /// The directory that a flag says, else `$VIPCTL_RUNTIME_DIR`, else `/run/vipctl`.
  static func directory(_ flag: String?) -> String {
    if let flag { return flag }
    if let value = getenv("VIPCTL_RUNTIME_DIR"), value.pointee != 0 {
      return String(cString: value)
    }
    return "/run/vipctl"
  }
}
