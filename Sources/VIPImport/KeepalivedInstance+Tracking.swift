import VIP
import VIPConfiguration
import VIPCore
import VRRP

/// The interfaces that a `vrrp_instance` tracks, and its unicast peers.
extension KeepalivedInstance {
  mutating func readTracks(
    _ configuration: inout RouterConfiguration, _ known: inout KeepalivedChecks
  ) {
    guard let node = values["track_interface"] else { return }
    var tracked: [(node: KeepalivedNode, weight: Int)] = []
    var seen: Set<String> = []
    for child in node.block ?? [] {
      guard child.keyword != configuration.interface else {
        let words = ([child.keyword] + child.arguments).joined(separator: " ").shortened
        remark(
          child,
          "'\(words)' is left out: a router always waits while its own interface is down, and "
            + "keepalived ignores a weight there", .note)
        continue
      }
      guard seen.insert(child.keyword).inserted else {
        remark(
          child, "'\(child.keyword)' is tracked twice; the first one is taken, as keepalived does",
          .note)
        continue
      }
      guard let weight = weight(of: child, configuration) else { continue }
      tracked.append((child, weight))
    }
    let raise = tracked.reduce(0) { $0 + max(0, $1.weight) }
    let isTooMuch = Int(configuration.priority.rawValue) + raise > 254
    // Alone, what goes beyond 254 never counts; beside others it makes up for what they take off.
    let isAlone =
      tracked.count { $0.weight != 0 } == 1
      && KeepalivedCheck.Kind.allCases.allSatisfy { values[$0.rawValue] == nil }
      && context.group(of: self.node) == nil
    for (child, weight) in tracked {
      if weight > 0, isTooMuch, !isAlone {
        addCheck(of: child, weight: weight, &known)
      } else if let track = track(child, weight, &configuration) {
        configuration.tracks.append(track)
      }
    }
    guard !configuration.tracks.isEmpty else { return }
    let list = configuration.tracks.map { track in
      let name = ImportedRouter.scalar(track.interface)
      return track.decrement.map { "{ interface: \(name), decrement: \($0) }" } ?? name
    }
    add("track", "[\(list.joined(separator: ", "))]", .line(node.source))
  }

  /// The weight of a tracked interface, 0 if the router leaves the election while that is down;
  /// `nil` and a remark if it is not tracked here.
  private mutating func weight(
    of child: KeepalivedNode, _ configuration: RouterConfiguration
  ) -> Int? {
    var rest = child.arguments[...]
    var weight = 0
    while let option = rest.popFirst() {
      if option == "weight", let text = rest.popFirst(), let number = Int(text),
        (-253...253).contains(number)
      {
        weight = number
      } else if option == "weight" || option == "reverse" {
        let words = child.arguments.joined(separator: " ").shortened
        remark(child, "'\(child.keyword) \(words)' has no equivalent; it is left out")
        return nil
      } else {
        remark(
          child,
          "'\(option.shortened)' on the line of \(child.keyword) is no option, and keepalived ignores "
            + "it; give each interface a line of its own", .note)
      }
    }
    if weight != 0, isGrouped {
      remark(
        child,
        "keepalived ignores the weight of '\(child.keyword)' in an instance of a group: the router "
          + "leaves the election while it is down, here too", .note)
      return 0
    }
    if weight != 0, configuration.priority == .owner {
      remark(child, "'weight \(weight)' means nothing with priority 255; it is left out", .note)
      return nil
    }
    return weight
  }

  /// Takes over a weight above 0 that has no room in the priority: it is added while the kernel
  /// says that the interface has a carrier.
  private mutating func addCheck(
    of child: KeepalivedNode, weight: Int, _ known: inout KeepalivedChecks
  ) {
    guard RouterConfiguration.problem(interfaceName: child.keyword) == nil else {
      return remark(child, "'\(child.keyword.shortened)' is no name of an interface; left out")
    }
    checks.append(known.carrier(of: child, weight: weight))
    remark(child, KeepalivedChecks.carrierRemark(of: child, weight: weight), .note)
  }

  /// Takes over the effect of an interface on the priority; a weight above 0 raises it while the
  /// interface is up, which is a higher priority that falls while it is down.
  private mutating func track(
    _ child: KeepalivedNode, _ weight: Int, _ configuration: inout RouterConfiguration
  ) -> Track? {
    guard weight != 0 else { return Track(interface: child.keyword) }
    guard weight > 0 else { return Track(interface: child.keyword, decrement: UInt8(-weight)) }
    let before = Int(configuration.priority.rawValue)
    let raised = min(254, before + weight)
    guard raised > before else {
      remark(
        child,
        "'\(child.keyword) weight \(weight)' can't raise the priority, in keepalived neither; it is "
          + "left out", .note)
      return nil
    }
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
        + "priority \(raised), which falls by \(raised - before) while it is down", .note)
    return Track(interface: child.keyword, decrement: UInt8(raised - before))
  }

  /// The peers; `false` if there should be some and none is usable.
  ///
  /// Such a router would advertise to the multicast group, where the others don't hear it.
  mutating func readPeers(_ configuration: inout RouterConfiguration) -> Bool {
    guard let node = values["unicast_peer"] else { return true }
    var seen: Set<IPAddress> = []
    for child in node.block ?? [] {
      guard let peer = peer(child, of: configuration) else { continue }
      guard seen.insert(peer).inserted else {
        remark(child, "unicast_peer: \(peer) is named twice; it is taken once", .note)
        continue
      }
      configuration.peers.append(peer)
      readOptions(of: peer, child)
    }
    guard !configuration.peers.isEmpty else {
      remark(
        node,
        "vrrp_instance \(configuration.name) is left out: no usable peer is named in 'unicast_peer', "
          + "and without one it would advertise by multicast")
      return false
    }
    let list = configuration.peers.map { ImportedRouter.scalar("\($0)") }.joined(separator: ", ")
    add("peers", "[\(list)]", .line(node.source))
    if let child = values["unicast_src_ip"] {
      guard let source = IPAddress(child.arguments.first ?? "") else {
        remark(child, "'unicast_src_ip' names no address; the interface's own is the source")
        return true
      }
      let isUsable =
        source.family == configuration.peers[0].family && !source.isLoopback
        && !source.isMulticast && !source.isUnspecified
        && !addresses.contains { $0.address.address == source }
      guard isUsable else {
        remark(
          child,
          "'unicast_src_ip' is no address of this machine's own to send to the peers from; it is left "
            + "out")
        return true
      }
      add("unicastSource", ImportedRouter.plainAddress("\(source)"), .line(child.source))
    }
    return true
  }

  /// Reads the group that advertisements go to if they go to no peers.
  mutating func readMulticast(_ configuration: RouterConfiguration) {
    guard configuration.peers.isEmpty else { return }
    if let child = values["unicast_src_ip"] {
      remark(
        child,
        "'unicast_src_ip' without 'unicast_peer' is multicast in keepalived, and so it is here; name "
          + "peers, or leave it out")
    }
    let isIPv6 = addresses.first?.address.family == .ipv6
    let global = context.globals[isIPv6 ? "vrrp_mcast_group6" : "vrrp_mcast_group4"]
    guard let child = values["mcast_dst_ip"] ?? global else { return }
    guard let group = IPAddress(child.arguments.first ?? ""), group.isMulticast,
      (group.family == .ipv6) == isIPv6
    else {
      remark(child, "'\(child.keyword)' names no multicast address of the family; it is left out")
      return
    }
    guard !["224.0.0.18", "ff02::12"].contains("\(group)") else { return }
    add("multicastGroup", ImportedRouter.plainAddress("\(group)"), .line(child.source))
  }

  private mutating func peer(
    _ child: KeepalivedNode, of configuration: RouterConfiguration
  ) -> IPAddress? {
    let peer: IPAddress
    do throws(SettingError) {
      peer = try SettingText.host(child.keyword)
    } catch {
      remark(child, "unicast_peer: \(error); it is left out")
      return nil
    }
    guard let family = addresses.first?.address.family, peer.family != family else { return peer }
    remark(
      child,
      "unicast_peer: \(peer) is not \(family) as the addresses are; keepalived ignores it, and it is "
        + "left out", .note)
    return nil
  }

  private mutating func readOptions(of peer: IPAddress, _ child: KeepalivedNode) {
    guard let first = child.arguments.first else { return }
    let words = child.arguments.joined(separator: " ").shortened
    guard ["min_ttl", "max_ttl"].contains(first) else {
      return remark(
        child,
        "'\(words)' on the line of \(peer) is left out, as keepalived does; give each peer a line of "
          + "its own", .note)
    }
    remark(
      child, "'\(words)' of \(peer) has no equivalent; TTL 255 is sent, and any is accepted")
  }
}
