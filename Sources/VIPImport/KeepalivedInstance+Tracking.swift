import VIP
import VIPConfiguration
import VIPCore
import VRRP

/// The interfaces that a `vrrp_instance` tracks, and its unicast peers.
extension KeepalivedInstance {
  mutating func readTracks(_ configuration: inout RouterConfiguration) {
    guard let node = values["track_interface"] else { return }
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
          child, "'\(child.keyword)' is tracked twice; the first one is taken, as keepalived does")
        continue
      }
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

  /// Takes over the effect of an interface on the priority; a weight above 0 raises it while the
  /// interface is up, which is a higher priority that falls while it is down.
  private mutating func track(
    _ child: KeepalivedNode, _ configuration: inout RouterConfiguration
  ) -> Track? {
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
            + "it; give each interface a line of its own")
      }
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
          + "priority \(raised), which falls by \(weight) while it is down", .note)
    }
    return Track(interface: child.keyword, decrement: UInt8(abs(weight)))
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
    return true
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
    guard let family = addresses.first?.family, peer.family != family else { return peer }
    remark(
      child,
      "unicast_peer: \(peer) is not \(family) as the addresses are; keepalived ignores it, and it is "
        + "left out")
    return nil
  }

  private mutating func readOptions(of peer: IPAddress, _ child: KeepalivedNode) {
    guard let first = child.arguments.first else { return }
    let words = child.arguments.joined(separator: " ").shortened
    guard ["min_ttl", "max_ttl"].contains(first) else {
      return remark(
        child,
        "'\(words)' on the line of \(peer) is left out, as keepalived does; give each peer a line of "
          + "its own")
    }
    remark(
      child, "'\(words)' of \(peer) has no equivalent; TTL 255 is sent, and any is accepted")
  }
}
