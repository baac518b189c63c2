import VRRP

/// Routers of a node that move together: all of them Active here or none.
///
/// Such as the inner and the outer address of a gateway, or the addresses of both families of a
/// service. All machines have the same groups. See Docs/Groups.md.
public struct RouterGroup: Sendable, Hashable, Codable {
  /// The setting of a group at fault, see ``ConfigurationError/Field/group(_:)``.
  public enum Field: Sendable, Hashable {
    /// The group's name.
    case name
    /// The list of routers as a whole.
    case routers
    /// One router, by its place in the list.
    case router(Int)
    /// Something it tracks, by its place in the list.
    case track(Int)
    /// The program for a state.
    case hook(Settlement.State)
  }

  /// The group's name; unique among the groups of a node.
  public var name: String
  /// The names of the routers, in any order; each belongs to one group.
  ///
  /// One that is not there, since it was taken down, keeps the others out of the election.
  public var routers: [String]
  /// Other interfaces that all of its routers depend on.
  public var tracks: [Track]
  /// Programs to run when all of its routers have settled in a state.
  public var hooks: Hooks

  private enum CodingKeys: String, CodingKey {
    case name, routers, tracks, hooks
  }

  /// Makes a group; what is left out is empty.
  public init(name: String, routers: [String], tracks: [Track] = [], hooks: Hooks = Hooks()) {
    self.name = name
    self.routers = routers
    self.tracks = tracks
    self.hooks = hooks
  }
}

extension RouterGroup {
  /// Checks what can be checked of a group alone.
  ///
  /// - Throws: the first thing that is wrong.
  public func validate() throws(ConfigurationError) {
    guard RouterConfiguration.isValidName(name) else {
      throw error(
        .name,
        "the name '\(name)' is not usable; take 1 to 64 letters, digits, '.', '_' or '-'")
    }
    guard !routers.isEmpty else { throw error(.routers, "the group has no routers; name them") }
    var seen: Set<String> = []
    for (index, router) in routers.enumerated() where !seen.insert(router).inserted {
      throw error(.router(index), "'\(router)' is in the group twice; name it once")
    }
    var tracked: Set<String> = []
    for (index, track) in tracks.enumerated() {
      if let problem = RouterConfiguration.problem(interfaceName: track.interface) {
        throw error(.track(index), problem)
      }
      guard tracked.insert(track.interface).inserted else {
        throw error(.track(index), "\(track.interface) is tracked twice; name it once")
      }
      if let decrement = track.decrement, !(1...254).contains(decrement) {
        throw error(.track(index), "a priority can fall by 1 to 254, not by \(decrement)")
      }
    }
    for state in Settlement.State.allCases {
      if let problem = hooks.problem(state) { throw error(.hook(state), problem) }
    }
    guard Hooks.timeoutRange.contains(hooks.timeout) else {
      throw error(.name, "the time limit of hooks lies between 100ms and 1h")
    }
  }

  private func error(_ field: Field, _ text: String) -> ConfigurationError {
    ConfigurationError(.group(field), router: name, text)
  }

  /// Checks the groups of a node, each of which is alright alone, beside its routers.
  ///
  /// - Parameters:
  ///   - groups: the groups.
  ///   - routers: all routers of the node.
  ///   - allowsMissing: whether routers of them may be missing, as after one was taken down.
  /// - Throws: the first thing that is wrong.
  package static func check(
    _ groups: [RouterGroup], of routers: [RouterConfiguration], allowsMissing: Bool = false
  ) throws(ConfigurationError) {
    let present = Dictionary(
      routers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var names: Set<String> = []
    var groupOf: [String: String] = [:]
    for group in groups {
      guard names.insert(group.name).inserted else {
        throw group.error(.name, "there are two groups named '\(group.name)'; rename one of them")
      }
      for (index, name) in group.routers.enumerated() {
        if let other = groupOf.updateValue(group.name, forKey: name) {
          throw group.error(
            .router(index),
            "'\(name)' is in the group '\(other)' already; a router moves with one group")
        }
        guard let router = present[name] else {
          if allowsMissing { continue }
          throw group.error(
            .router(index), "no router is called '\(name)'; name routers of this node")
        }
        guard router.priority != .owner else {
          throw group.error(
            .router(index),
            "'\(name)' owns its addresses (priority 255), which can't move; take a lower priority")
        }
      }
      let count = group.routers.reduce(0) { $0 + (present[$1]?.families.count ?? 0) }
      guard allowsMissing || count > 1 else {
        throw group.error(
          .routers,
          "only one virtual router is in the group; name a second router, or leave the group out")
      }
    }
  }

  /// The difference of other groups, in words: one text for each that does.
  package static func differences(from old: [RouterGroup], to new: [RouterGroup]) -> [String] {
    let before = Dictionary(old.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let names = Set(new.map(\.name))
    let gone = old.filter { !names.contains($0.name) }.map { "group \($0.name): gone" }
    return gone
      + new.compactMap { group in
        guard let former = before[group.name] else {
          return "group \(group.name): new: \(group.routers.joined(separator: " "))"
        }
        return former == group ? nil : "group \(group.name): \(former.difference(to: group))"
      }
  }

  /// The difference of another group of the same name, in words; arguments of hooks may be secrets.
  private func difference(to other: RouterGroup) -> String {
    func list(_ values: [some CustomStringConvertible]) -> String {
      values.isEmpty ? "none" : values.map(\.description).joined(separator: " ")
    }
    var texts: [String] = []
    if routers != other.routers {
      texts.append("routers \(list(routers)) → \(list(other.routers))")
    }
    if tracks != other.tracks { texts.append("track \(list(tracks)) → \(list(other.tracks))") }
    if hooks != other.hooks { texts.append("hooks") }
    return texts.joined(separator: "; ")
  }
}
