import ARP
public import VIP
import VIPCore
import VRRP

/// A configuration as the text of a file that says the same.
public enum ConfigurationText {
  /// Writes a configuration down; settings that have their defaults are left out.
  ///
  /// Two things are not written: passwords, and the definitions of health checks, which a node does
  /// not know. A comment says so where they belong.
  ///
  /// - Parameter configuration: the configuration.
  /// - Returns: the text, with the end of its last line.
  public static func yaml(_ configuration: NodeConfiguration) -> String {
    var lines = nodeLines(configuration.settings)
    if !configuration.groups.isEmpty {
      lines.append("groups:")
      lines += configuration.groups.flatMap { item(fields(of: $0)) }
    }
    lines.append(configuration.routers.isEmpty ? "routers: []" : "routers:")
    lines += configuration.routers.flatMap { item(fields(of: $0)) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// One key of a map, with a value in one line, or with the items of a list below it.
  enum Field {
    case value(String, String)
    case list(String, [String])
    case comment(String)

    /// A list in one line.
    static func series(_ key: String, _ items: [String]) -> Field {
      .value(key, "[\(items.joined(separator: ", "))]")
    }
  }

  /// The lines of an item of a list.
  private static func item(_ fields: [Field]) -> [String] {
    var lines: [String] = []
    for field in fields {
      let indent = lines.isEmpty ? "  - " : "    "
      switch field {
      case .value(let key, let value): lines.append("\(indent)\(key): \(value)")
      case .list(let key, let items):
        lines.append("\(indent)\(key):")
        lines += items.map { "      - \($0)" }
      case .comment(let text): lines.append("\(indent)# \(text)")
      }
    }
    return lines
  }

  // MARK: The node and its groups

  private static func nodeLines(_ settings: NodeSettings) -> [String] {
    let usual = FileConfiguration.defaultSettings
    var lines: [String] = []
    for setting in NodeSetting.allCases {
      let value: String? =
        switch setting {
        case .lease:
          settings.lease == usual.lease ? nil : settings.lease.description
        case .guard: settings.isGuarded == usual.isGuarded ? nil : "\(settings.isGuarded)"
        case .realtime: settings.isRealtime == usual.isRealtime ? nil : "\(settings.isRealtime)"
        case .announcements:
          settings.announcements == usual.announcements ? nil : text(of: settings.announcements)
        }
      if let value { lines.append("  \(setting.key): \(value)") }
    }
    return lines.isEmpty ? [] : ["node:"] + lines
  }

  private static func text(of policy: AnnouncementPolicy) -> String {
    let pauses = policy.pauses.map(\.text).joined(separator: ", ")
    return "{ rate: \(policy.maximumRate), burst: \(policy.burst), repeat: [\(pauses)], "
      + "refresh: \(policy.refresh?.text ?? "off") }"
  }

  private static func fields(of group: RouterGroup) -> [Field] {
    var fields: [Field] = [
      .value("name", YAMLText.scalar(group.name)),
      .series("routers", group.routers.map(YAMLText.scalar)),
    ]
    if !group.tracks.isEmpty { fields.append(.series("track", group.tracks.map(text))) }
    if !group.hooks.isEmpty { fields.append(.value("on", text(of: group.hooks))) }
    return fields
  }

  // MARK: A router

  private static func fields(of router: RouterConfiguration) -> [Field] {
    let usual = RouterConfiguration(interface: router.interface, vrid: router.vrid, addresses: [])
    return RouterSetting.allCases.compactMap { setting in
      let isUsual = router.difference(to: usual, in: [setting]).isEmpty
      let isRequired = [.name, .interface, .vrid, .addresses].contains(setting)
      return isUsual && !isRequired ? nil : field(setting, of: router)
    }
  }

  private static func field(_ setting: RouterSetting, of router: RouterConfiguration) -> Field {
    let key = setting.key
    return switch setting {
    case .name: .value(key, YAMLText.scalar(router.name))
    case .interface: .value(key, YAMLText.scalar(router.interface))
    case .vrid: .value(key, "\(router.vrid)")
    case .priority: .value(key, "\(router.priority)")
    case .interval: .value(key, router.interval.description)
    case .addresses: .list(key, addresses(of: router))
    case .preempt:
      .value(
        key, router.preempts ? "{ delay: \(router.preemptDelay.text) }" : "\(router.preempts)")
    case .version: .value(key, "\(router.version.rawValue)")
    case .checksum: .value(key, router.checksum.rawValue)
    case .authentication: .comment("\(key): the password is not shown")
    case .handover: .value(key, router.handover.rawValue)
    case .probe: .value(key, "\(router.probes)")
    case .virtualMAC: .value(key, "\(router.virtualMAC)")
    case .startDelay: .value(key, router.startDelay.text)
    case .linkDelay:
      .value(key, "{ up: \(router.linkDelay.up.text), down: \(router.linkDelay.down.text) }")
    case .holdDown: .value(key, router.holdDown.text)
    case .track: .series(key, router.tracks.map(text))
    case .checks:
      .comment(
        "\(key): [\(router.checks.map(\.description).joined(separator: ", "))], which the node's "
          + "file defines")
    case .peers: .series(key, router.peers.map { YAMLText.value("\($0)") })
    case .multicastGroup: .series(key, router.multicastGroups.map { YAMLText.value("\($0)") })
    case .unicastSource: .series(key, router.unicastSource.map { YAMLText.value("\($0)") })
    case .routes: .list(key, router.routes.map(text))
    case .rules: .list(key, router.rules.map(text))
    case .hooks: .value(key, text(of: router.hooks))
    }
  }

  /// The addresses, those on other interfaces behind the others.
  private static func addresses(of router: RouterConfiguration) -> [String] {
    func text(_ address: InterfaceAddress, _ interface: String?, isAdvertised: Bool) -> String {
      let label = router.labels[address.address]
      guard interface != nil || label != nil || !isAdvertised else { return "\(address)" }
      return YAMLText.map([
        ("address", YAMLText.value("\(address)")), ("interface", interface.map(YAMLText.scalar)),
        ("advertised", isAdvertised ? nil : "false"), ("label", label.map(YAMLText.scalar)),
      ])
    }
    let own = router.addresses.map {
      text($0, nil, isAdvertised: !router.unadvertised.contains($0.address))
    }
    return own
      + router.elsewhere.map { text($0.address, $0.interface, isAdvertised: $0.isAdvertised) }
  }

  private static func text(_ track: Track) -> String {
    guard let decrement = track.decrement else { return YAMLText.scalar(track.interface) }
    return YAMLText.map([
      ("interface", YAMLText.scalar(track.interface)), ("decrement", "\(decrement)"),
    ])
  }

  private static func text(_ route: VirtualRoute) -> String {
    YAMLText.map([
      ("destination", YAMLText.value("\(route.destination)")),
      ("via", route.via.map { YAMLText.value("\($0)") }),
      ("interface", route.interface.map(YAMLText.scalar)),
      ("source", route.source.map { YAMLText.value("\($0)") }),
      ("metric", route.metric.map { "\($0)" }), ("table", "\(route.table)"),
      ("scope", route.scope?.rawValue),
    ])
  }

  private static func text(_ rule: VirtualRule) -> String {
    YAMLText.map([
      ("from", rule.from.map { YAMLText.value("\($0)") }),
      ("to", rule.to.map { YAMLText.value("\($0)") }),
      ("fwmark", rule.mark.map { "\($0)" }), ("table", "\(rule.table)"),
      ("priority", "\(rule.priority)"),
    ])
  }

  private static func text(of hooks: Hooks) -> String {
    let programs = hooks.states.map { state in
      (state.rawValue, Optional("[\(hooks[state].map(YAMLText.quoted).joined(separator: ", "))]"))
    }
    let limit = hooks.timeout == Hooks.defaultTimeout ? nil : hooks.timeout.text
    return YAMLText.map(programs + [("timeout", limit)])
  }
}

/// Text as values of YAML.
enum YAMLText {
  /// A map in one line; keys without a value are left out.
  static func map(_ fields: [(key: String, value: String?)]) -> String {
    let parts = fields.compactMap { field in field.value.map { "\(field.key): \($0)" } }
    return "{ \(parts.joined(separator: ", ")) }"
  }

  /// Text, in quotes where it could be read as something else.
  static func scalar(_ text: String) -> String {
    let isPlain =
      text.first.map { $0.isASCII && $0.isLetter } ?? false
      && text.utf8.allSatisfy(isPlain)
    let meanings = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
    return isPlain && !meanings.contains(text.lowercased()) ? text : quoted(text)
  }

  /// An address or a number, in quotes if it has a colon, which could end a key.
  static func value(_ text: String) -> String { text.contains(":") ? quoted(text) : text }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
      UInt8(ascii: "-"):
      true
    default: false
    }
  }

  /// Text in double quotes; what could confuse a reader is written as a number.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "&", "*",
        _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        result += "\\x" + (digits.utf8.count < 2 ? "0" : "") + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
