import Glibc
import Netlink
import VIPCore
import VRRP

/// A file that lists the addresses which a node may have put on interfaces.
///
/// Written when routers come and go, never when they take over: it lists what they may hold, so
/// that no takeover waits for a disk. The next node on the runtime directory may remove from the
/// interfaces what is listed: the node that wrote it is dead.
package struct AddressFile: Sendable {
  private static let byteCountMax = 16 << 20

  let path: String

  /// An address on an interface.
  package struct Entry: Sendable, Hashable {
    let interface: String
    let address: InterfaceAddress
  }

  /// The addresses that some routers may put on interfaces; an owner's addresses are the host's,
  /// and never removed.
  package static func entries(of routers: [RouterConfiguration]) -> Set<Entry> {
    Set(
      routers.lazy.filter { $0.priority != .owner }.flatMap { router in
        router.addresses.map { Entry(interface: router.interface, address: $0) }
          + router.elsewhere.map { Entry(interface: $0.interface, address: $0.address) }
      })
  }

  /// The routes and rules that some routers may make.
  package static func routing(of routers: [RouterConfiguration]) -> [Extra] {
    routers.flatMap { router in
      router.families.flatMap(router.extras).filter(\.isRouting)
    }
  }

  /// The words before a route, and before a rule for each family; no interface has such a name.
  private static let routeMark = "/route"
  private static let ruleMarks: [AddressFamily: String] = [.ipv4: "/rule4", .ipv6: "/rule6"]

  private static func line(_ extra: Extra) -> String? {
    switch extra {
    case .address: nil
    case .route(let route): "\(routeMark) \(route)\n"
    case .rule(let rule, let family): ruleMarks[family].map { "\($0) \(rule)\n" }
    }
  }

  private static func extra(_ line: String) -> Extra? {
    let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return nil }
    if parts[0] == routeMark { return VirtualRoute(parts[1]).map { .route($0) } }
    guard let family = ruleMarks.first(where: { $0.value == parts[0] })?.key else { return nil }
    return VirtualRule(parts[1]).map { .rule($0, family) }
  }

  /// Reads the routes and rules in the list; passes over lines that make no sense.
  ///
  /// - Throws: why what is there is not believed.
  func readRouting() throws(NodeError) -> [Extra] {
    try lines().compactMap(Self.extra)
  }

  /// Reads the list; passes over lines that make no sense.
  ///
  /// - Throws: why what is there is not believed: it must be a file of this user alone.
  func read() throws(NodeError) -> Set<Entry> {
    var entries: Set<Entry> = []
    for line in try lines() {
      let words = line.split(separator: " ")
      guard words.count == 2, let address = InterfaceAddress(String(words[1])) else { continue }
      entries.insert(Entry(interface: String(words[0]), address: address))
    }
    return entries
  }

  private func lines() throws(NodeError) -> [String] {
    guard let file = try OwnFiles.open(path, O_RDONLY) else { return [] }
    defer { close(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < Self.byteCountMax {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Replaces the list as a whole; without addresses there is no file.
  func write(_ routers: [RouterConfiguration]) throws(NodeError) {
    // An owner's addresses are the host's own.
    let routers = routers.filter { $0.priority != .owner }
    guard !routers.isEmpty else {
      unlink(path)
      return
    }
    var text: [UInt8] = []
    for router in routers {
      for address in router.addresses { text += Array("\(router.interface) \(address)\n".utf8) }
      for entry in router.elsewhere {
        text += Array("\(entry.interface) \(entry.address)\n".utf8)
      }
    }
    for extra in Self.routing(of: routers) {
      if let line = Self.line(extra) { text += Array(line.utf8) }
    }
    let partial = path + ".new"
    unlink(partial)
    let file = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw .system(errno, "write \(partial)") }
    var code: Int32 = 0
    var written = 0
    while written < text.count, code == 0 {
      let count = text.withUnsafeBytes { bytes in
        Glibc.write(file, bytes.baseAddress?.advanced(by: written), bytes.count - written)
      }
      if count >= 0 { written += count } else if errno != EINTR { code = errno }
    }
    close(file)
    if code == 0, rename(partial, path) != 0 { code = errno }
    guard code != 0 else { return }
    unlink(partial)
    throw .system(code, "write \(path)")
  }
}
