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
      })
  }

  /// Reads the list; passes over lines that make no sense.
  ///
  /// - Throws: why what is there is not believed: it must be a file of this user alone.
  func read() throws(NodeError) -> Set<Entry> {
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
    var entries: Set<Entry> = []
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let words = String(decoding: line, as: UTF8.self).split(separator: " ")
      guard words.count == 2, let address = InterfaceAddress(String(words[1])) else { continue }
      entries.insert(Entry(interface: String(words[0]), address: address))
    }
    return entries
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
