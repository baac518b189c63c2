public import VIP

/// A group of routers and where in the file its settings stand.
public struct PlacedGroup: Sendable {
  /// The group.
  public let group: RouterGroup
  private let place: Place
  private var places: [String: Place] = [:]
  private var routers: [Place] = []
  private var tracks: [Place] = []
  private var hooks = PlacedHooks()

  /// The checks that all of its routers depend on, and where each stands.
  private(set) var checks: [(use: CheckUse, place: Place)] = []

  private static let knownKeys = ["name", "routers", "checks", "track", "on"]

  /// Reads `{ name: gateway, routers: [inside, outside], track: [eth2], on: … }`.
  init(_ tree: YAMLTree) throws(Diagnostic) {
    place = tree.place
    var keys = try KeyedValues(tree, knownKeys: Self.knownKeys, where: "in a group")
    for key in Self.knownKeys { places[key] = keys.place(of: key) }
    guard let name = try keys.take("name")?.text("name", example: "gateway") else {
      throw Diagnostic(place, "this group has no 'name'; give it one")
    }
    guard let list = keys.take("routers") else {
      throw Diagnostic(place, "this group has no 'routers'; list those that move together")
    }
    var group = RouterGroup(name: name, routers: [])
    for item in try list.items("routers", example: "[inside, outside]") {
      group.routers.append(try item.text("routers", example: "inside"))
      routers.append(item.place)
    }
    if let list = keys.take("track") {
      for item in try list.items("track", example: "[eth1]") {
        group.tracks.append(try item.track())
        tracks.append(item.place)
      }
    }
    if let list = keys.take("checks") {
      for item in try list.items("checks", example: "[nginx]") {
        checks.append((try item.checkUse(), item.place))
      }
    }
    if let on = keys.take("on") { hooks = try PlacedHooks(on) }
    group.hooks = hooks.hooks
    self.group = group
    do throws(ConfigurationError) {
      try group.validate()
    } catch {
      throw Diagnostic(place(of: error.field), error.description)
    }
  }

  /// The place of a setting; that of the group if it is not given.
  func place(of field: ConfigurationError.Field) -> Place {
    guard case .group(let field) = field else { return place }
    switch field {
    case .name: return places["name"] ?? place
    case .routers: return places["routers"] ?? place
    case .router(let index): return routers.indices.contains(index) ? routers[index] : place
    case .track(let index): return tracks.indices.contains(index) ? tracks[index] : place
    case .hook(let state): return hooks.places[state] ?? hooks.place ?? place
    }
  }

  /// Reads the groups of a file.
  static func read(_ list: YAMLTree) throws(Diagnostic) -> [PlacedGroup] {
    if list.isEmpty { return [] }
    var groups: [PlacedGroup] = []
    for item in try list.items("groups", example: "- { name: gateway, routers: [inside, outside] }")
    {
      groups.append(try PlacedGroup(item))
    }
    return groups
  }

  /// Checks the groups of a file beside its routers.
  static func check(
    _ groups: [PlacedGroup], of routers: [RouterConfiguration], _ list: Place
  ) throws(Diagnostic) {
    do throws(ConfigurationError) {
      try RouterGroup.check(groups.map(\.group), of: routers)
    } catch {
      // Of two with one name the second one is wrong.
      let group = groups.last { $0.group.name == error.router }
      throw Diagnostic(group?.place(of: error.field) ?? list, error.description)
    }
  }

  /// The checks of a router's group that the router does not use itself.
  static func checks(
    of router: RouterConfiguration, in groups: [PlacedGroup]
  ) -> [CheckUse] {
    groups.filter { $0.group.routers.contains(router.name) }.flatMap(\.checks).map(\.use)
      .filter { use in !router.checks.contains { $0.check == use.check } }
  }
}
