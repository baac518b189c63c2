import Glibc

/// The JSON Schema of the configuration file, where `make install` has put it beside the program.
enum SchemaFile {
  /// The first line of a file by which editors find the schema; empty where it is not installed.
  static var line: String {
    guard let program = programPath else { return "" }
    // PREFIX/bin/vipctl
    let parts = program.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
    let path = parts.joined(separator: "/") + "/share/vipctl/configuration.schema.json"
    guard access(path, R_OK) == 0 else { return "" }
    return "# yaml-language-server: $schema=\(path)\n"
  }

  private static var programPath: String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
