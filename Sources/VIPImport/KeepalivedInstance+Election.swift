import VIP
import VIPConfiguration
import VIPCore
import VRRP

/// Version, interval, preemption and authentication of a `vrrp_instance`.
extension KeepalivedInstance {
  mutating func version(
    _ global: KeepalivedNode?
  ) -> (value: ProtocolVersion, origin: ImportedRouter.Origin?) {
    // Version 2 does not exist for IPv6, and keepalived takes 3 there.
    if addresses.first?.family == .ipv6 {
      if let child = values["version"], child.arguments.first == "2" {
        remark(
          child, "version 2 has no IPv6; keepalived takes version 3 here, and so does this", .note)
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

  /// Whether `state` says so.
  private var startsAsMaster: Bool { values["state"]?.arguments.first == "MASTER" }

  mutating func readInterval(_ configuration: inout RouterConfiguration) {
    guard let child = values["advert_int"] else { return }
    // keepalived counts in seconds, without a unit.
    let text = child.arguments.first ?? ""
    let duration = text.last?.isNumber == true ? Duration(text: text + "s") : nil
    guard let duration,
      let interval = AdvertisementInterval(duration, version: configuration.version)
    else {
      let range =
        configuration.version == .v2 ? "whole seconds from 1 to 255" : "0.01 to 40.95 seconds"
      remark(
        child,
        "'advert_int \(text)' is not possible in version "
          + "\(configuration.version.rawValue), which has \(range); it is left out, which means 1s")
      return
    }
    configuration.interval = interval
    add("interval", interval.description, .line(child.source))
  }

  mutating func readPreemption(_ configuration: inout RouterConfiguration) {
    if let child = values["nopreempt"] {
      if startsAsMaster {
        remark(
          child,
          "keepalived ignores 'nopreempt' with 'state MASTER', and so it is left out; "
            + "write 'preempt: false' if you meant it")
      } else if configuration.priority == .owner {
        remark(child, "'nopreempt' means nothing with priority 255, whose owner always preempts")
      } else {
        configuration.preempts = false
        add("preempt", "false", .line(child.source))
      }
    }
    guard let child = values["preempt_delay"] else { return }
    if startsAsMaster {
      remark(
        child,
        "keepalived ignores 'preempt_delay' with 'state MASTER', and so it is left out; "
          + "write 'preempt: { delay: … }' if you meant it")
    } else if !configuration.preempts {
      remark(child, "'preempt_delay' means nothing beside 'nopreempt'; it is left out")
    } else if let delay = Duration(text: (child.arguments.first ?? "") + "s"),
      delay <= .seconds(1000)
    {
      guard delay > .zero else { return }
      configuration.preemptDelay = delay
      add("preempt", "{ delay: \(delay.text) }", .line(child.source))
    } else {
      remark(child, "'preempt_delay' is a number of seconds from 0 to 1000; it is left out")
    }
  }

  mutating func readAuthentication(_ configuration: inout RouterConfiguration) {
    guard let child = values["authentication"] else { return }
    let type = child.block?.last { $0.keyword == "auth_type" }
    let pass = child.block?.last { $0.keyword == "auth_pass" }
    guard configuration.version == .v2 else {
      remark(child, "version 3 has no authentication, and keepalived ignores it too; left out")
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
