import Glibc

/// A program beside this one that puts virtual addresses on interfaces, such as keepalived.
struct AddressProgram: Sendable, Hashable, CustomStringConvertible {
  /// The names that the kernel has for such programs: keepalived, FRR's VRRP and ucarp.
  private static let names = ["keepalived", "vrrpd", "ucarp"]

  /// The program's name.
  var name: String
  /// The number of its process.
  var process: Int32

  var description: String { "\(name) (process \(process))" }

  /// Looks for such a program in this network namespace.
  ///
  /// - Returns: the one with the lowest process number; `nil` if none runs, or if /proc does not
  ///   tell.
  static func running() -> AddressProgram? {
    guard let own = networkNamespace(of: "self"), let folder = opendir("/proc") else { return nil }
    defer { closedir(folder) }
    var found: AddressProgram?
    while let item = readdir(folder) {
      let entry = withUnsafeBytes(of: &item.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard let process = Int32(entry), found.map({ process < $0.process }) ?? true,
        let name = KernelSettings.firstLine("/proc/\(entry)/comm"), names.contains(name),
        networkNamespace(of: entry) == own
      else { continue }
      found = AddressProgram(name: name, process: process)
    }
    return found
  }

  /// The number of a process's network namespace.
  private static func networkNamespace(of process: String) -> UInt? {
    var status = stat()
    guard stat("/proc/\(process)/ns/net", &status) == 0 else { return nil }
    return UInt(status.st_ino)
  }
}
