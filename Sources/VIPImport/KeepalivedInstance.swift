import VIP
import VIPConfiguration
import VIPCore
import VRRP

/// The things that instances have in common, as far as a router depends on them.
struct KeepalivedContext {
  /// The settings of `global_defs`, the last of each keyword.
  var globals: [String: KeepalivedNode] = [:]
  /// The delays before an interface counts as down and as up again.
  var linkDelays: [String: KeepalivedLinkDelay] = [:]
  /// The user of scripts that name none, as `user[:group]`; `nil` for the node's.
  var scriptUser: String?
  /// The groups by the names of their instances.
  var groups: [String: KeepalivedGroup] = [:]
  /// The instances whose groups are left out, and that are carried over as if in none.
  var disbanded: Set<String> = []

  /// The group that an instance moves with.
  func group(of instance: KeepalivedNode) -> KeepalivedGroup? {
    let name = instance.arguments.first ?? ""
    return disbanded.contains(name) ? nil : groups[name]
  }
}

/// Turns a `vrrp_instance` into a router.
struct KeepalivedInstance {
  let node: KeepalivedNode
  /// The settings of the block, the last of each keyword.
  private(set) var values: [String: KeepalivedNode] = [:]
  /// Whether `native_ipv6` stands where keepalived takes it.
  private(set) var isNativeIPv6 = false
  let wording: ImportWording
  let context: KeepalivedContext
  /// The preferences of its rules where keepalived chooses them, in their order.
  let rulePreferences: [Int?]
  private(set) var teller: KeywordTeller
  var remarks: [ImportRemark] = []
  var addresses: [ImportedRouter.Address] = []
  var routes: [ImportedRouter.Entry] = []
  var rules: [ImportedRouter.Entry] = []
  var checks: [ImportedCheckUse] = []
  var settings: [ImportedRouter.Setting] = []

  init(
    _ node: KeepalivedNode, _ context: KeepalivedContext, _ wording: ImportWording,
    rulePreferences: [Int?] = []
  ) {
    self.node = node
    self.context = context
    self.rulePreferences = rulePreferences
    self.wording = wording
    teller = KeywordTeller(KeepalivedKeywords.instance, wording)
  }

  /// The router; `nil` if too little is known to make one, which the remarks then say.
  mutating func router(_ known: inout KeepalivedChecks) -> ImportedRouter? {
    for child in node.block ?? [] { take(child) }
    remarks += teller.remarks
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
    let version = self.version
    readExcluded(device: device)
    var configuration = RouterConfiguration(
      name: name, interface: device, vrid: vrid,
      addresses: addresses.filter(\.isAdvertised).map(\.address), version: version.value)
    add("name", ImportedRouter.scalar(configuration.name), .line(node.source))
    add("interface", ImportedRouter.scalar(device), .line(interface.source))
    add("vrid", "\(vrid)", .line(vridNode.source))
    readStrictness()
    readPriority(&configuration)
    readTracks(&configuration, &known)
    guard readPeers(&configuration) else { return nil }
    readMulticast(configuration)
    readInterval(&configuration)
    if let origin = version.origin { add("version", "\(version.value.rawValue)", origin) }
    readPreemption(&configuration)
    readDelays(&configuration)
    readAuthentication(&configuration)
    readVirtualMAC(&configuration)
    readChecks(&known, configuration)
    readHooks(&configuration)
    readRouting()
    settle(&configuration)
    return checked(configuration)
  }

  /// Notes a setting, or says what becomes of it.
  private mutating func take(_ child: KeepalivedNode) {
    guard KeepalivedKeywords.instance[child.keyword]?.kind == .translated else {
      return teller.tell(child)
    }
    switch child.keyword {
    case "preempt":
      // The later one of the two holds.
      values["nopreempt"] = nil
      return
    case "native_ipv6":
      takeNativeIPv6(child)
      return
    default: break
    }
    // Taken out before it grows: it would be copied with each block if it were held twice.
    guard var earlier = values.removeValue(forKey: child.keyword) else {
      values[child.keyword] = child
      return
    }
    if let block = child.block, earlier.block != nil {
      earlier.block? += block
      values[child.keyword] = earlier
      return
    }
    remark(child, "'\(child.keyword)' is given again; the last one is taken", .note)
    values[child.keyword] = child
  }

  private mutating func takeNativeIPv6(_ child: KeepalivedNode) {
    let first = values["virtual_ipaddress"]?.block?.first
    if let first, first.keyword.contains("."), !first.keyword.contains(":") {
      remark(
        child, "keepalived ignores 'native_ipv6' after IPv4 addresses, and so it is left out", .note
      )
    } else {
      isNativeIPv6 = true
    }
  }

  mutating func remark(
    _ node: KeepalivedNode, _ text: String, _ kind: ImportRemark.Kind = .lost
  ) {
    remarks.append(ImportRemark(source: node.source, kind: kind, text: text))
  }

  mutating func add(
    _ key: String, _ value: String, _ origin: ImportedRouter.Origin
  ) {
    settings.append(ImportedRouter.Setting(key: key, value: value, origin: origin))
  }

  /// The first argument as a value; a remark if it is none.
  mutating func value<Value>(
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
    configuration.virtualMAC = true
    add("virtualMac", "true", .line(child.source))
    for argument in child.arguments {
      guard MACAddress(argument) == nil else {
        remark(child, "the virtual MAC address is that of RFC 9568, not \(argument)")
        continue
      }
      remark(
        child,
        "the interface with the virtual MAC address gets another name than '\(argument)'; see "
          + wording.status, .note)
    }
  }

  // MARK: Name

  /// The instance's name, made usable.
  private var name: String {
    ImportedRouter.usableName(node.arguments.first ?? "", otherwise: "unnamed")
  }

  // MARK: Hooks

  private mutating func readHooks(_ configuration: inout RouterConfiguration) {
    // keepalived tells the priority as it is when the script is started.
    let isFixed =
      configuration.tracks.allSatisfy { $0.decrement == nil }
      && checks.allSatisfy { $0.weight == nil && !$0.isNumberOfFile } && !isInWeighingGroup
    let subject = KeepalivedHooks.Subject(
      kind: "INSTANCE", name: node.arguments.first ?? "",
      priority: isFixed ? "\(configuration.priority)" : nil)
    var hooks = KeepalivedHooks(values, subject, scriptUser: context.scriptUser)
    for (source, kind, text) in hooks.takeRemarks() { remark(source, text, kind) }
    configuration.hooks = hooks.hooks
    settings += hooks.settings
  }

  // MARK: Result

  /// The most addresses on other interfaces, routes and rules of a router, and the most checks.
  private static let extraCountMax = 1000, checkCountMax = 64

  /// The router if it can be run; a remark and `nil` if not.
  private mutating func checked(_ configuration: RouterConfiguration) -> ImportedRouter? {
    do throws(ConfigurationError) {
      try configuration.validate()
    } catch {
      var source = node
      if case .address(let index) = error.field {
        source.source = addresses.filter(\.isAdvertised)[index].source
      }
      remark(source, "vrrp_instance \(name) is left out: \(error)")
      return nil
    }
    let elsewhere = addresses.count { $0.interface != nil }
    for (count, limit, things) in [
      (addresses.count, RouterConfiguration.addressCountMax, "addresses"),
      (
        elsewhere + routes.count + rules.count, Self.extraCountMax, "addresses elsewhere and routes"
      ),
      (checks.count, Self.checkCountMax, "checks"),
    ] where count > limit {
      remark(node, "vrrp_instance \(name) is left out: it has more than \(limit) \(things)")
      return nil
    }
    if let given = node.arguments.first, given != name {
      remark(node, "the name '\(given)' is not usable here and has become '\(name)'")
    } else if node.arguments.isEmpty {
      remark(node, "this vrrp_instance has no name and has got '\(name)'")
    }
    return ImportedRouter(
      configuration: configuration, source: node.source, settings: settings, addresses: addresses,
      routes: routes, rules: rules, checks: checks, originalName: node.arguments.first ?? "",
      announcements: values.filter { $0.key.hasPrefix("garp_master_") })
  }
}
