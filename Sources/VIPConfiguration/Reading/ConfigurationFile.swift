public import VIP

/// A configuration file on disk.
public enum ConfigurationFile {
  /// Far more than 255 routers or 20,000 addresses need.
  private static let byteCountMax = 4 << 20

  /// Reads a file whole; `-` is standard input.
  ///
  /// The programs that it names are looked for on this machine, unless they may be missing for now.
  /// An error says where in the file it stands.
  public static func load(
    _ path: String, unready: UnreadyPolicy = .refuse
  ) throws(FileError) -> FileConfiguration {
    var routers: [PlacedRouter] = []
    var groups: [PlacedGroup] = []
    let configuration = try load(
      path, router: { routers.append($0) }, group: { groups.append($0) })
    guard unready == .refuse else { return configuration }
    // A hook that can't be run is better known now than at the takeover that it waits for.
    let obstacles =
      routers.lazy.compactMap { router in
        ProgramCheck.obstacle(router.configuration.hooks) { router.place(of: .hook($0)) }
      }.first
      ?? groups.lazy.compactMap { group in
        ProgramCheck.obstacle(group.group.hooks) { group.place(of: .group(.hook($0))) }
      }.first
    if let (place, obstacle) = obstacles {
      let remark = MachineCheck.Remark(kind: .error, place: place, text: obstacle)
      throw FileError(.unusable, remark.line(in: InputFile.name(path)))
    }
    return configuration
  }

  /// Reads a file without a look at this machine; hands out each router, health check and group
  /// with its places.
  public static func load(
    _ path: String, router found: (PlacedRouter) -> Void,
    check foundCheck: (PlacedCheck) -> Void = { _ in },
    group foundGroup: (PlacedGroup) -> Void = { _ in }
  ) throws(FileError) -> FileConfiguration {
    let text = try InputFile.text(path, limit: byteCountMax, kind: "a configuration file")
    do throws(Diagnostic) {
      return try ConfigurationReader.read(text, router: found, check: foundCheck, group: foundGroup)
    } catch {
      let separator = error.place == nil ? ": " : ":"
      throw FileError(.invalid, "\(InputFile.name(path))\(separator)\(error)")
    }
  }
}
