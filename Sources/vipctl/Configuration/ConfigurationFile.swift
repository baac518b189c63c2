/// A configuration file on disk.
enum ConfigurationFile {
  /// Far more than 255 routers or 20,000 addresses need.
  static let byteCountMax = 4 << 20

  /// Reads a file whole and says of everything that is wrong with it where it stands.
  static func load(
    _ path: String, router found: (PlacedRouter) -> Void = { _ in }
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
