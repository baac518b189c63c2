import Netlink
import VIP
import VIPCore
import VRRP

/// Puts into words what happened on a machine at one moment.
struct StoryText {
  /// Whether what is repeated is told too: advertisements, refreshes of leases.
  var showsAll = false
  /// The priority that each router of each machine advertised last.
  private var advertised: [AdvertKey: Priority] = [:]

  private struct AdvertKey: Hashable {
    var machine: Int
    var vrid: VRID
    var family: AddressFamily
  }

  /// A verb with what it is about, so that equal ones are told as one.
  private struct Phrase {
    var verb: String
    var object: String
    var rest = ""
  }

  /// Lines about a machine: what it did in one, what it told in one each.
  mutating func lines(of machine: Machine) -> [String] {
    var phrases: [Phrase] = []
    var told: [String] = []
    for deed in machine.log {
      switch deed {
      case .event(let event):
        told.append("\(machine.name): \(event)")
        // The next term of a router begins with an advertisement that is news.
        if case .transition(_, let family, let change) = event, change.to != .active {
          advertised = advertised.filter {
            $0.key.machine != machine.number || $0.key.family != family
          }
        }
      case .remark(let text): told.append("\(machine.name): \(text)")
      default:
        if let phrase = phrase(deed, machine) { phrases.append(phrase) }
      }
    }
    let deeds = Self.joined(phrases)
    return (deeds.isEmpty ? [] : ["\(machine.name)> \(deeds)"]) + told
  }

  private mutating func phrase(_ deed: MachineDeed, _ machine: Machine) -> Phrase? {
    switch deed {
    case .advertised(let vrid, let family, let priority, let destination):
      return advertisement(vrid, family, priority, destination, machine)
    case .announced(let address, let mac):
      let isVirtual = mac.rawValue >> 16 == 0x5E00
      return Phrase(
        verb: "announces", object: "\(address)", rest: isVirtual ? " at \(mac)" : "")
    case .asked(let address): return Phrase(verb: "asks who has", object: "\(address)")
    case .notSent(let what): return Phrase(verb: "can't send", object: what)
    case .installed(let request, let isRefresh, let error):
      if isRefresh, error == nil, !showsAll { return nil }
      let lifetime = request.lifetime.map { " for \($0.text)" } ?? " without an end"
      return Phrase(
        verb: isRefresh ? "refreshes" : "installs", object: "\(request.address)",
        rest: (request.isDormant ? " asleep" : lifetime) + Self.refusal(error))
    case .removed(let request, let error):
      return Phrase(verb: "removes", object: "\(request.address)", rest: Self.refusal(error))
    case .changed(let request, let interface, let error):
      return link(request, interface, Self.refusal(error))
    case .set(let path, let value):
      guard showsAll || path.hasSuffix("promote_secondaries") else { return nil }
      return Phrase(verb: "sets", object: "\(path)=\(value)")
    case .event, .remark: return nil
    }
  }

  private mutating func advertisement(
    _ vrid: VRID, _ family: AddressFamily, _ priority: Priority, _ destination: IPAddress?,
    _ machine: Machine
  ) -> Phrase? {
    let key = AdvertKey(machine: machine.number, vrid: vrid, family: family)
    defer { advertised[key] = priority }
    if advertised[key] == priority, !showsAll { return nil }
    let router = machine.process?.settings.first { $0.vrid == vrid }?.name ?? "VRID \(vrid)"
    let to = destination.map { " to \($0)" } ?? ""
    if priority == .farewell {
      return Phrase(verb: "says farewell for", object: "\(router) \(family)", rest: to)
    }
    return Phrase(verb: "advertises", object: "\(router) \(family)", rest: " \(priority)\(to)")
  }

  private func link(_ request: LinkRequest, _ interface: String, _ rest: String) -> Phrase? {
    switch request {
    case .create(let macvlan): return Phrase(verb: "makes", object: macvlan.name, rest: rest)
    case .delete: return Phrase(verb: "deletes", object: interface, rest: rest)
    case .setUp(let isUp, _):
      return Phrase(verb: "switches", object: interface, rest: (isUp ? " on" : " off") + rest)
    case .setIPv4(let settings, _):
      guard showsAll || interface.hasPrefix("eth") else { return nil }
      let list = settings.map { "\($0.key.name)=\($0.value)" }.sorted().joined(separator: " ")
      return Phrase(verb: "sets", object: list, rest: " on \(interface)" + rest)
    case .setAlias(let text, _):
      guard showsAll else { return nil }
      return Phrase(verb: "notes", object: "'\(text)'", rest: " on \(interface)" + rest)
    case .withoutLinkLocal: return nil
    }
  }

  private static func refusal(_ error: NetlinkError?) -> String {
    error.map { " (refused: \($0.code))" } ?? ""
  }

  /// Equal verbs with equal rests become one phrase; of long lists only the ends are told.
  private static func joined(_ phrases: [Phrase]) -> String {
    var parts: [String] = []
    var index = 0
    while index < phrases.count {
      let first = phrases[index]
      var objects: [String] = []
      while index < phrases.count, phrases[index].verb == first.verb,
        phrases[index].rest == first.rest
      {
        objects.append(phrases[index].object)
        index += 1
      }
      var list = objects.joined(separator: " ")
      if objects.count > 4 {
        list = "\(objects[0]) … \(objects[objects.count - 1]) (\(objects.count))"
      }
      parts.append("\(first.verb) \(list)\(first.rest)")
    }
    return parts.joined(separator: " | ")
  }
}
