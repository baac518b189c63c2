import Glibc
import VIPCore

/// The multicast groups that interfaces are in, as the kernel lists them.
enum GroupMembership {
  /// Whether an interface receives what is sent to a group; `nil` if that can't be learned.
  ///
  /// Equivalent to: `ip maddress show dev IF`
  static func has(_ interfaceIndex: Int32, _ group: IPAddress) -> Bool? {
    let name = group.family == .ipv4 ? "igmp" : "igmp6"
    // Of this thread: it may be in another network namespace than the process's first one.
    guard let bytes = readFile("/proc/thread-self/net/\(name)") else { return nil }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    return group.family == .ipv4
      ? hasIPv4(interfaceIndex, group, lines) : hasIPv6(interfaceIndex, group, lines)
  }

  /// A line for each interface, which begins with its number, and indented lines for its groups.
  static func hasIPv4(
    _ interfaceIndex: Int32, _ group: IPAddress, _ lines: [Substring]
  ) -> Bool {
    guard case .v4(let group) = group else { return false }
    // The number in the machine's order of bytes, as if it were in the network's.
    let wanted = group.rawValue.bigEndian
    var isInterface = false
    for line in lines {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard let word = words.first else { continue }
      if line.first != "\t", line.first != " " {
        isInterface = Int32(word) == interfaceIndex
      } else if isInterface, UInt32(word, radix: 16) == wanted {
        return true
      }
    }
    return false
  }

  /// A line for each group, with the interface's number, its name and the group.
  static func hasIPv6(
    _ interfaceIndex: Int32, _ group: IPAddress, _ lines: [Substring]
  ) -> Bool {
    guard case .v6(let group) = group else { return false }
    return lines.contains { line in
      let words = line.split(separator: " ")
      guard words.count > 3, Int32(words[0]) == interfaceIndex, words[2].count == 32 else {
        return false
      }
      return UInt64(words[2].prefix(16), radix: 16) == group.high
        && UInt64(words[2].suffix(16), radix: 16) == group.low
    }
  }

  private static func readFile(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = read(descriptor, &part, part.count)
      guard count >= 0 else { return nil }
      if count == 0 { return bytes }
      bytes += part[..<count]
    }
  }
}
