import ARP
import VIP
import VIPCore
import VRRP

/// The types a setting can have.
extension YAMLTree {
  /// Whether nothing is written here: `key:` alone, or `null`.
  var isEmpty: Bool {
    guard case .scalar(let text, quoted: false) = content else { return false }
    return ["", "~", "null"].contains(text)
  }

  func items(_ key: String, example: String) throws(Diagnostic) -> [YAMLTree] {
    guard case .list(let items) = content else {
      throw Diagnostic(place, "'\(key)' is a list, such as \(example); found \(found)")
    }
    return items
  }

  func text(_ key: String, example: String) throws(Diagnostic) -> String {
    guard case .scalar(let text, _) = content, !isEmpty else {
      throw Diagnostic(place, "'\(key)' is text, such as \(example); found \(found)")
    }
    return text
  }

  /// A setting that is written without quotes, since it is a number.
  func number<Value>(
    _ key: String, _ read: (String) throws(SettingError) -> Value
  ) throws(Diagnostic) -> Value {
    if case .scalar(let text, quoted: true) = content, SettingText.decimal(text) != nil {
      throw Diagnostic(place, "'\(key)' is a number, found text; remove the quotes")
    }
    guard case .scalar = content, !isEmpty else {
      throw Diagnostic(place, "'\(key)' is a number, found \(found)")
    }
    return try setting(key, read)
  }

  /// A setting that is written as one word.
  func setting<Value>(
    _ key: String, _ read: (String) throws(SettingError) -> Value
  ) throws(Diagnostic) -> Value {
    guard case .scalar(let text, _) = content, !isEmpty else {
      throw Diagnostic(place, "'\(key)' is a single value, found \(found)")
    }
    do throws(SettingError) {
      return try read(text)
    } catch {
      throw Diagnostic(place, error.description)
    }
  }

  func interval(
    _ version: ProtocolVersion
  ) throws(Diagnostic) -> AdvertisementInterval {
    try setting("interval") { text throws(SettingError) in
      try SettingText.interval(text, version: version)
    }
  }

  /// `true` or `false`.
  func flag(_ key: String) throws(Diagnostic) -> Bool {
    switch content {
    case .scalar("true", quoted: false): return true
    case .scalar("false", quoted: false): return false
    default: throw Diagnostic(place, "'\(key)' is true or false, found \(found)")
    }
  }

  /// `true`, `false` or `{ delay: 30s }`.
  func preemption() throws(Diagnostic) -> (preempts: Bool, delay: Duration) {
    switch content {
    case .scalar("true", quoted: false): return (true, .zero)
    case .scalar("false", quoted: false): return (false, .zero)
    case .map:
      var keys = try KeyedValues(self, knownKeys: ["delay"], where: "in 'preempt'")
      let delay = try keys.take("delay")?.setting("delay", SettingText.preemptDelay)
      return (true, delay ?? .zero)
    default:
      throw Diagnostic(place, "'preempt' is true, false or { delay: 30s }, found \(found)")
    }
  }

  /// `{ up: 2s, down: 0s }`, or part of it.
  func linkDelay() throws(Diagnostic) -> LinkDelay {
    guard case .map = content else {
      throw Diagnostic(place, "'linkDelay' is written { up: 2s, down: 0s }, found \(found)")
    }
    var keys = try KeyedValues(self, knownKeys: ["up", "down"], where: "in 'linkDelay'")
    let up = try keys.take("up")?.setting("up", SettingText.damping)
    let down = try keys.take("down")?.setting("down", SettingText.damping)
    return LinkDelay(up: up ?? .zero, down: down ?? .zero)
  }

  /// `eth1` or `{ interface: eth1, decrement: 50 }`.
  func track() throws(Diagnostic) -> Track {
    guard case .map = content else {
      let example = "eth1 or { interface: eth1, decrement: 50 }"
      return Track(interface: try text("track", example: example))
    }
    var keys = try KeyedValues(self, knownKeys: ["interface", "decrement"], where: "in 'track'")
    guard let interface = try keys.take("interface")?.text("interface", example: "eth1") else {
      throw Diagnostic(place, "an entry of 'track' needs an 'interface'")
    }
    let decrement = try keys.take("decrement")?.number("decrement", SettingText.decrement)
    return Track(interface: interface, decrement: decrement)
  }

  /// `{ fifo: PATH }`.
  func fifo() throws(Diagnostic) -> String? {
    if isEmpty { return nil }
    var keys = try KeyedValues(self, knownKeys: ["fifo"], where: "in 'events'")
    guard let tree = keys.take("fifo"), !tree.isEmpty else { return nil }
    let path = try tree.text("fifo", example: "/run/vipctl/events")
    guard path.hasPrefix("/") else {
      throw Diagnostic(tree.place, "'\(path)' is not an absolute path; give its whole path")
    }
    return path
  }

  /// `{ rate: 10000, burst: 500, repeat: [1s, 2s], refresh: off }`, or part of it.
  func announcements() throws(Diagnostic) -> AnnouncementPolicy {
    var policy = AnnouncementPolicy()
    if isEmpty { return policy }
    var keys = try KeyedValues(
      self, knownKeys: ["rate", "burst", "repeat", "refresh"], where: "in 'announcements'")
    if let rate = try keys.take("rate")?.number("rate", SettingText.announcementCount) {
      policy.maximumRate = rate
    }
    if let burst = try keys.take("burst")?.number("burst", SettingText.announcementCount) {
      policy.burst = burst
    }
    if let list = keys.take("repeat") {
      let items = try list.items("repeat", example: "[1s, 2s]")
      guard items.count <= 10 else {
        throw Diagnostic(list.place, "\(items.count) repeats are too many; give up to 10")
      }
      policy.pauses = []
      for item in items {
        policy.pauses.append(try item.setting("repeat", SettingText.announcementPause))
      }
    }
    if let refresh = keys.take("refresh") {
      policy.refresh = try refresh.setting("refresh", SettingText.announcementRefresh)
    }
    return policy
  }

  /// `null` or `{ password: … }`.
  func authentication() throws(Diagnostic) -> Authentication.Password? {
    if isEmpty { return nil }
    guard case .map = content else {
      // What stands here may be the password itself.
      throw Diagnostic(place, "'authentication' is written { password: … }")
    }
    var keys = try KeyedValues(self, knownKeys: ["password"], where: "in 'authentication'")
    guard let password = keys.take("password") else {
      throw Diagnostic(place, "'authentication' needs a 'password'")
    }
    guard case .scalar = password.content, !password.isEmpty else {
      throw Diagnostic(password.place, "'password' is a single value")
    }
    return try password.setting("password", SettingText.password)
  }

  /// The value in as few words as help.
  private var found: String {
    switch content {
    case .scalar where isEmpty: "nothing"
    case .scalar(let text, _): "'\(text.prefix(40))'"
    case .list, .map: kind
    }
  }
}
