/// A configuration file on disk.
enum ConfigurationFile {
  /// Far more than 255 routers or 20,000 addresses need.
  static let byteCountMax = 4 << 20

  /// Reads a file whole and says of everything that is wrong with it where it stands.
  static func load(_ path: String) throws(Failure) -> FileConfiguration {
    var routers: [PlacedRouter] = []
    let configuration = try load(path) { routers.append($0) }
    // A hook that can't be run is better known now than at the takeover that it waits for.
    for remark in routers.flatMap(ProgramCheck.remarks) where remark.kind == .error {
      throw Failure(.failed, remark.line(in: InputFile.name(path)))
    }
    return configuration
  }

  /// Reads a file without a look at this machine; hands out each router with its places.
  static func load(
    _ path: String, router found: (PlacedRouter) -> Void
  ) throws(Failure) -> FileConfiguration {
    let text = try InputFile.text(path, limit: byteCountMax, kind: "a configuration file")
    do {
      return try ConfigurationReader.read(text, router: found)
    } catch {
      let separator = error.place == nil ? ": " : ":"
      throw Failure(.file, "\(InputFile.name(path))\(separator)\(error)")
    }
  }
}
