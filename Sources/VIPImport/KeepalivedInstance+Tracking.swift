import VIP
import VIPConfiguration
import VIPCore
import VRRP

/// The interfaces that a `vrrp_instance` tracks, and its unicast peers.
extension KeepalivedInstance {
  mutating func readTracks(_ configuration: inout RouterConfiguration) {
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

  mutating func readPeers(_ configuration: inout RouterConfiguration) {
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
}
