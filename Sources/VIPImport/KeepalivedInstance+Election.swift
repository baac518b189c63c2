import VIP
import VIPConfiguration
import VIPCore
import VRRP

/// Version, interval, preemption and authentication of a `vrrp_instance`.
extension KeepalivedInstance {
  /// Whether keepalived keeps to the letter of the standards.
  var isStrict: Bool {
    let own = values["strict_mode"].flatMap(KeepalivedBool.init)
    return own.map { $0 == .on } ?? (context.globals["vrrp_strict"] != nil)
  }

  /// Says what strict mode does that is not the same here.
  mutating func readStrictness() {
    guard isStrict, values["priority"]?.arguments.first != "255" else { return }
    let origin = values["strict_mode"] ?? context.globals["vrrp_strict"] ?? node
    let accepts = values["accept"] != nil && version.value == .v3
    if !accepts, values["no_accept"] == nil, !isOwnerByState {
      remark(
        origin,
        "in strict mode keepalived drops what is sent to addresses of routers without priority 255; "
          + "here they answer: use a firewall rule if they must not")
    }
  }

  /// Whether the priority follows from the state alone.
  private var isOwnerByState: Bool { values["priority"] == nil && startsAsMaster }

  var version: (value: ProtocolVersion, origin: ImportedRouter.Origin?) {
    mutating get {
      readVersion(context.globals["vrrp_version"])
    }
  }

  private mutating func readVersion(
    _ global: KeepalivedNode?
  ) -> (value: ProtocolVersion, origin: ImportedRouter.Origin?) {
    // Version 2 does not exist for IPv6. keepalived takes 3 unless an instance says 2.
    if addresses.first?.address.family == .ipv6 {
      if let child = values["version"], child.arguments.first == "2" {
        remark(
          child,
          "keepalived sends version 2 over IPv6, which no standard has; here IPv6 has version 3: set "
            + "'version 3' on all machines first")
      }
      return (.v3, nil)
    }
    if let child = values["version"], let version = value(of: child, SettingText.version) {
      return (version, .line(child.source))
    }
    if let global, let version = value(of: global, SettingText.version) {
      return (version, .line(global.source))
    }
    return (.v2, .note("keepalived's default"))
  }

  mutating func readPriority(_ configuration: inout RouterConfiguration) {
    if let child = values["priority"], let priority = value(of: child, SettingText.priority) {
      configuration.priority = priority
      add("priority", "\(priority)", .line(child.source))
    } else if values["priority"] == nil, let child = values["state"], startsAsMaster {
      configuration.priority = .owner
      add("priority", "\(Priority.owner)", .line(child.source))
      remark(
        child,
        "without a priority, 'state MASTER' means 255 in keepalived, which is the owner of the "
          + "addresses; set a lower one if the addresses are not this machine's own", .note)
    }
  }

  /// Whether `state` says so; in strict mode only an owner may.
  private var startsAsMaster: Bool {
    guard values["state"]?.arguments.first == "MASTER" else { return false }
    return !isStrict || values["priority"].map { $0.arguments.first == "255" } ?? true
  }

  mutating func readInterval(_ configuration: inout RouterConfiguration) {
    guard let child = values["advert_int"] else { return }
    // keepalived counts in seconds, without a unit.
    let text = child.arguments.first ?? ""
    guard let seconds = Self.seconds(text), (0.01...255).contains(seconds) else {
      remark(
        child,
        "'advert_int \(text.shortened)' is not possible, and keepalived takes 1s, as is done here; give "
          + "0.01 to 40.95 seconds in version 3, 1 to 255 in version 2")
      return
    }
    // In the steps that the version can say, rounded as keepalived does.
    let step = configuration.version == .v2 ? 1_000_000 : 10_000
    let most = configuration.version == .v2 ? 255_000_000 : 40_950_000
    let exact = Int((seconds * 1_000_000).rounded())
    let rounded = min(max((exact + step / 2) / step * step, step), most)
    let duration = Duration.microseconds(rounded)
    guard let interval = AdvertisementInterval(duration, version: configuration.version) else {
      return
    }
    configuration.interval = interval
    add("interval", interval.description, .line(child.source))
    guard rounded != exact else { return }
    let unit =
      configuration.version == .v2 ? "whole seconds up to 255" : "steps of 10ms up to 40.95s"
    remark(
      child,
      "keepalived takes \(interval) for 'advert_int \(text)', as version "
        + "\(configuration.version.rawValue) has \(unit), and so does this; set it on all machines",
      .note)
  }

  /// A number of seconds as keepalived takes it; `nil` for anything else.
  static func seconds(_ text: String) -> Double? {
    let isNumber = text.utf8.allSatisfy {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: ".")
    }
    guard isNumber, let number = Double(text), number < 1_000_000_000 else { return nil }
    return number
  }

  mutating func readPreemption(_ configuration: inout RouterConfiguration) {
    if let child = values["nopreempt"] {
      if startsAsMaster {
        remark(
          child,
          "keepalived ignores 'nopreempt' with 'state MASTER', and so it is left out; "
            + "write 'preempt: false' if you meant it", .note)
      } else if configuration.priority == .owner {
        remark(
          child, "'nopreempt' means nothing with priority 255, whose owner always preempts",
          .note)
      } else {
        configuration.preempts = false
        add("preempt", "false", .line(child.source))
      }
    }
    guard let child = values["preempt_delay"] else { return }
    if isStrict {
      remark(
        child, "keepalived ignores 'preempt_delay' in strict mode, and so it is left out", .note)
    } else if startsAsMaster {
      remark(
        child,
        "keepalived ignores 'preempt_delay' with 'state MASTER', and so it is left out; "
          + "write 'preempt: { delay: … }' if you meant it", .note)
    } else if !configuration.preempts {
      remark(child, "'preempt_delay' means nothing beside 'nopreempt'; it is left out", .note)
    } else if let seconds = Self.seconds(child.arguments.first ?? ""), seconds <= 1000 {
      let delay = Duration.microseconds(Int((seconds * 1_000_000).rounded()))
      guard delay > .zero else { return }
      configuration.preemptDelay = delay
      add("preempt", "{ delay: \(delay.text) }", .line(child.source))
    } else {
      remark(child, "'preempt_delay' is a number of seconds from 0 to 1000; it is left out")
    }
  }

  /// The delays after a start and after changes of the link.
  mutating func readDelays(_ configuration: inout RouterConfiguration) {
    if let child = context.globals["vrrp_startup_delay"],
      let seconds = Self.seconds(child.arguments.first ?? ""), seconds > 0
    {
      let delay = min(
        Duration.microseconds(Int((seconds * 1_000_000).rounded())), RouterConfiguration.dampingMax)
      if configuration.priority == .owner {
        remark(
          child,
          "'vrrp_startup_delay' is left out: an owner (priority 255) is Active at once; take a lower "
            + "priority if it is to wait")
      } else {
        configuration.startDelay = delay
        add("startDelay", delay.text, .line(child.source))
      }
    }
    guard let delay = context.linkDelays[configuration.interface] else { return }
    let downMax = configuration.linkDelayDownMax
    if delay.down > downMax {
      remark(
        delay.node,
        "a link that is gone counts after \(downMax.text), two intervals, not after "
          + "\(delay.down.text): after three another machine is Active")
    }
    let linkDelay = LinkDelay(up: delay.up, down: min(delay.down, downMax))
    configuration.linkDelay = linkDelay
    add(
      "linkDelay", "{ up: \(linkDelay.up.text), down: \(linkDelay.down.text) }",
      .line(delay.node.source))
  }

  mutating func readAuthentication(_ configuration: inout RouterConfiguration) {
    guard let child = values["authentication"] else { return }
    guard !isStrict else {
      remark(
        child,
        "keepalived ignores 'authentication' in strict mode, and so it is left out", .note)
      return
    }
    let type = child.block?.last { $0.keyword == "auth_type" }
    let pass = child.block?.last { $0.keyword == "auth_pass" }
    guard configuration.version == .v2 else {
      remark(
        child, "version 3 has no authentication, and keepalived ignores it too; it is left out",
        .note)
      return
    }
    switch type?.arguments.first {
    case "PASS":
      // keepalived takes the first eight characters.
      let text = String((pass?.arguments.first ?? "").prefix(8))
      guard let pass, let password = Authentication.Password(text) else {
        remark(
          pass ?? child,
          "the password is not usable; give one to eight visible ASCII characters under "
            + "'authentication'")
        return
      }
      configuration.password = password
      add(
        "authentication", "{ password: \(ImportedRouter.quoted(text)) }", .secret(pass.source))
    case "AH":
      remark(
        type ?? child,
        "the IP Authentication Header is not supported (RFC 3768 removed it); use "
          + "auth_type PASS on all nodes first, or version 3")
    default:
      remark(child, "an auth_type of PASS or AH is missing; the authentication is left out")
    }
  }
}
