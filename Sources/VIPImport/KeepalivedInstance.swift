import VIP
import VIPConfiguration
import VIPCore
import VRRP

/// Turns a `vrrp_instance` into a router.
struct KeepalivedInstance {
  private let node: KeepalivedNode
  /// The settings of the block, the last of each keyword.
  private var values: [String: KeepalivedNode] = [:]
  private(set) var remarks: [ImportRemark] = []
  private var addresses: [InterfaceAddress] = []
  private var origins: [SourceLine] = []
  private var settings: [ImportedRouter.Setting] = []

  private static let translated: Set<String> = [
    "interface", "virtual_router_id", "priority", "advert_int", "version", "nopreempt",
    "preempt_delay", "authentication", "virtual_ipaddress", "virtual_ipaddress_excluded",
    "track_interface", "unicast_peer", "use_vmac", "notify_master", "notify_backup",
    "notify_fault", "notify_stop", "notify",
  ]

  init(_ node: KeepalivedNode) {
    self.node = node
  }

  /// The router; `nil` if too little is known to make one, which the remarks then say.
  mutating func router(globalVersion: KeepalivedNode?) -> ImportedRouter? {
    for child in node.block ?? [] { take(child) }
    guard let interface = values["interface"], let device = interface.arguments.first else {
      remark(node, "this vrrp_instance has no interface and is left out; name one")
      return nil
    }
    guard let vridNode = values["virtual_router_id"],
      let vrid = value(of: vridNode, SettingText.vrid)
    else {
      remark(node, "this vrrp_instance has no usable virtual_router_id and is left out")
      return nil
    }
    readAddresses(device: device)
    let version = self.version(globalVersion)
    var configuration = RouterConfiguration(
      name: name, interface: device, vrid: vrid, addresses: addresses, version: version.value)
    add("name", ImportedRouter.scalar(configuration.name), .line(node.source))
    add("interface", ImportedRouter.scalar(device), .line(interface.source))
    add("vrid", "\(vrid)", .line(vridNode.source))
    if let child = values["priority"], let priority = value(of: child, SettingText.priority) {
      configuration.priority = priority
      add("priority", "\(priority)", .line(child.source))
    }
    readTracks(&configuration)
    readPeers(&configuration)
    readInterval(&configuration)
    if let origin = version.origin { add("version", "\(version.value.rawValue)", origin) }
    readPreemption(&configuration)
    readAuthentication(&configuration)
    readVirtualMAC(&configuration)
    readHooks(&configuration)
    return checked(configuration)
  }

  /// Notes a setting, or says that it has no equivalent.
  private mutating func take(_ child: KeepalivedNode) {
    guard Self.translated.contains(child.keyword) else {
      if !KeepalivedAdvice.needless.contains(child.keyword) {
        remark(child, KeepalivedAdvice.text(child))
      } else if child.keyword == "state" {
        values["state"] = child
      }
      return
    }
    if var earlier = values[child.keyword] {
      if let block = child.block, earlier.block != nil {
        earlier.block? += block
        values[child.keyword] = earlier
        return
      }
      remark(child, "'\(child.keyword)' is given again; the last one is taken")
    }
    values[child.keyword] = child
  }

  private mutating func remark(_ node: KeepalivedNode, _ text: String) {
    remarks.append(ImportRemark(source: node.source, text: text))
  }

  private mutating func add(
    _ key: String, _ value: String, _ origin: ImportedRouter.Origin
  ) {
    settings.append(ImportedRouter.Setting(key: key, value: value, origin: origin))
  }

  /// The first argument as a value; a remark if it is none.
  private mutating func value<Value>(
    of child: KeepalivedNode, _ read: (String) throws(SettingError) -> Value
  ) -> Value? {
    do throws(SettingError) {
      return try read(child.arguments.first ?? "")
    } catch {
      remark(child, "\(child.keyword): \(error); it is left out")
      return nil
    }
  }

  private mutating func readVirtualMAC(_ configuration: inout RouterConfiguration) {
    guard let child = values["use_vmac"] else { return }
    guard configuration.priority != .owner else {
      remark(
        child,
        "'use_vmac' is left out; an owner's addresses have the interface's own Ethernet "
          + "address")
      return
    }
    configuration.virtualMac = true
    add("virtualMac", "true", .line(child.source))
    for argument in child.arguments {
      let text =
        MACAddress(argument) == nil
        ? "the interface with the virtual MAC address gets another name than '\(argument)'; "
          + "see 'vipctl status --json'"
        : "the virtual MAC address is that of RFC 9568, not \(argument)"
      remark(child, text)
    }
  }

  // MARK: Name

  /// The instance's name, made usable.
  private var name: String {
    let usable = (node.arguments.first ?? "").unicodeScalars.map { scalar -> Character in
      let isUsable =
        scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
      return isUsable || "._-".unicodeScalars.contains(scalar) ? Character(scalar) : "-"
    }
    return usable.isEmpty ? "unnamed" : String(usable.prefix(64))
  }

  // MARK: Addresses

  private mutating func readAddresses(device: String) {
    for child in values["virtual_ipaddress"]?.block ?? [] {
      guard let address = self.address(child, device: device) else { continue }
      guard !addresses.contains(where: { $0.address == address.address }) else {
        remark(child, "'\(child.keyword)' is listed twice; it is taken once")
        continue
      }
      // keepalived takes the family of the first address, and refuses the others.
      if let first = addresses.first, first.family != address.family {
        remark(
          child,
          "'\(child.keyword)' is not \(first.family) as the first address is; keepalived "
            + "ignores it here, and it is left out")
        continue
      }
      addresses.append(address)
      origins.append(child.source)
    }
    for child in values["virtual_ipaddress_excluded"]?.block ?? [] {
      remark(
        child,
        "'\(child.keyword)' is held but not advertised by keepalived; here all addresses "
          + "are advertised, so add it to 'addresses' once all nodes run vipctl")
    }
  }

  private mutating func address(_ child: KeepalivedNode, device: String) -> InterfaceAddress? {
    let address: InterfaceAddress
    do throws(SettingError) {
      address = try SettingText.address(child.keyword)
    } catch {
      remark(child, "\(error); it is left out")
      return nil
    }
    var rest = child.arguments[...]
    while let option = rest.popFirst() {
      let takesValue = ["brd", "dev", "scope", "label", "peer", "preferred_lft", "track_group"]
      let value = takesValue.contains(option) ? rest.popFirst() ?? "" : ""
      switch (option, value) {
      case ("dev", device), ("scope", "global"), ("-nodad", _): continue
      case ("dev", let other):
        remark(
          child,
          "\(address) goes on \(other), not on \(device); it is left out: make a router of "
            + "its own for \(other)")
        return nil
      case ("brd", let text) where Self.isUsualBroadcast(text, of: address): continue
      case ("label", _), ("brd", _):
        remark(child, "'\(option) \(value)' of \(address) is not set; nothing needs it")
      default:
        let words = value.isEmpty ? option : "\(option) \(value)"
        remark(child, "'\(words)' of \(address) has no equivalent; look whether you need it")
      }
    }
    return address
  }

  /// Whether a broadcast address is the one of the address's network, as `+` always is.
  private static func isUsualBroadcast(_ text: String, of address: InterfaceAddress) -> Bool {
    guard text != "+" else { return true }
    guard case .v4(let mine) = address.address, let given = IPv4Address(text),
      address.prefixLength < 31
    else { return false }
    return given.rawValue == mine.rawValue | UInt32.max >> UInt32(address.prefixLength)
  }

  // MARK: Election

  private mutating func version(
    _ global: KeepalivedNode?
  ) -> (value: ProtocolVersion, origin: ImportedRouter.Origin?) {
    // Version 2 does not exist for IPv6, and keepalived quietly takes 3 there.
    if addresses.first?.family == .ipv6 { return (.v3, nil) }
    if let child = values["version"], let version = value(of: child, SettingText.version) {
      return (version, .line(child.source))
    }
    if let global, let version = value(of: global, SettingText.version) {
      return (version, .line(global.source))
    }
    return (.v2, .note("keepalived's default"))
  }

  // MARK: Tracking

  private mutating func readTracks(_ configuration: inout RouterConfiguration) {
    guard let node = values["track_interface"] else { return }
    for child in node.block ?? [] where child.keyword != configuration.interface {
      guard let track = track(child, &configuration) else { continue }
      configuration.tracks.append(track)
    }
    guard !configuration.tracks.isEmpty else { return }
    let list = configuration.tracks.map { track in
      let name = ImportedRouter.scalar(track.interface)
      return track.decrement.map { "{ interface: \(name), decrement: \($0) }" } ?? name
    }
    add("track", "[\(list.joined(separator: ", "))]", .line(node.source))
  }

  /// What an interface does to the priority; a weight above 0 raises it while the interface is up,
  /// which is a higher priority that falls while it is down.
  private mutating func track(
    _ child: KeepalivedNode, _ configuration: inout RouterConfiguration
  ) -> Track? {
    var rest = child.arguments[...]
    var weight = 0
    while let option = rest.popFirst() {
      guard option == "weight", let text = rest.popFirst(), let number = Int(text),
        (-253...253).contains(number)
      else {
        let words = child.arguments.joined(separator: " ")
        remark(child, "'\(child.keyword) \(words)' has no equivalent; it is left out")
        return nil
      }
      weight = number
    }
    guard weight != 0 else { return Track(interface: child.keyword) }
    if configuration.priority == .owner {
      remark(child, "'weight \(weight)' means nothing with priority 255; it is left out")
      return nil
    }
    if weight > 0 {
      let raised = min(254, Int(configuration.priority.rawValue) + weight)
      configuration.priority = Priority(rawValue: UInt8(raised))
      let isGiven = settings.contains { $0.key == "priority" }
      let note = "raised by the weight of \(child.keyword), which is lost while it is down"
      if !isGiven { add("priority", "\(raised)", .note(note)) }
      for index in settings.indices where settings[index].key == "priority" {
        settings[index].value = "\(raised)"
      }
      remark(
        child,
        "'\(child.keyword) weight \(weight)' raises the priority while it is up; it has become "
          + "priority \(raised), which falls by \(weight) while it is down")
    }
    return Track(interface: child.keyword, decrement: UInt8(abs(weight)))
  }

  private mutating func readPeers(_ configuration: inout RouterConfiguration) {
    guard let node = values["unicast_peer"] else { return }
    for child in node.block ?? [] {
      do throws(SettingError) {
        configuration.peers.append(try SettingText.host(child.keyword))
      } catch {
        remark(child, "unicast_peer: \(error); it is left out")
        continue
      }
      guard !child.arguments.isEmpty else { continue }
      let words = child.arguments.joined(separator: " ")
      remark(
        child,
        "'\(words)' of \(child.keyword) has no equivalent; TTL 255 is sent, and any is accepted")
    }
    guard !configuration.peers.isEmpty else { return }
    let list = configuration.peers.map { ImportedRouter.scalar("\($0)") }.joined(separator: ", ")
    add("peers", "[\(list)]", .line(node.source))
  }

  private mutating func readInterval(_ configuration: inout RouterConfiguration) {
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

  private mutating func readPreemption(_ configuration: inout RouterConfiguration) {
    let startsAsMaster = values["state"]?.arguments.first == "MASTER"
    if let child = values["nopreempt"] {
      if startsAsMaster {
        remark(
          child,
          "keepalived ignores 'nopreempt' with 'state MASTER', and so it is left out; "
            + "write 'preempt: false' if you meant it")
      } else if configuration.priority == .owner {
        remark(child, "'nopreempt' means nothing with priority 255, whose owner always preempts")
      } else {
        configuration.preempt = false
        add("preempt", "false", .line(child.source))
      }
    }
    guard let child = values["preempt_delay"] else { return }
    if startsAsMaster {
      remark(
        child,
        "keepalived ignores 'preempt_delay' with 'state MASTER', and so it is left out; "
          + "write 'preempt: { delay: … }' if you meant it")
    } else if !configuration.preempt {
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

  private mutating func readAuthentication(_ configuration: inout RouterConfiguration) {
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

  // MARK: Hooks

  private mutating func readHooks(_ configuration: inout RouterConfiguration) {
    var hooks = KeepalivedHooks(values, instance: node.arguments.first ?? "", configuration)
    for (source, text) in hooks.takeRemarks() { remark(source, text) }
    guard !hooks.hooks.isEmpty else { return }
    configuration.hooks = hooks.hooks
    add("on", "", .note("run without a shell, as the node's user"))
    for state in hooks.hooks.states {
      let words = hooks.hooks[state].map(ImportedRouter.quoted).joined(separator: ", ")
      guard let origin = hooks.origins[state] else { continue }
      add("  \(state.rawValue)", "[\(words)]", .line(origin))
    }
  }

  // MARK: Result

  /// The router if it can be run; a remark and `nil` if not.
  private mutating func checked(_ configuration: RouterConfiguration) -> ImportedRouter? {
    do throws(ConfigurationError) {
      try configuration.validate()
    } catch {
      var source = node
      if case .address(let index) = error.field { source.source = origins[index] }
      remark(source, "vrrp_instance \(name) is left out: \(error)")
      return nil
    }
    if let given = node.arguments.first, given != name {
      remark(node, "the name '\(given)' is not usable here and has become '\(name)'")
    } else if node.arguments.isEmpty {
      remark(node, "this vrrp_instance has no name and has got '\(name)'")
    }
    return ImportedRouter(
      configuration: configuration, source: node.source, settings: settings,
      addressOrigins: origins)
  }
}
