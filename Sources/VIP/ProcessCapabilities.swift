/// What this process may do, as far as a node needs it.
public enum ProcessCapabilities {
  /// Before ordinary work, and real-time scheduling.
  static let sysNice = 23
  /// Memory that is never paged out.
  static let ipcLock = 14

  private static let needed = [("CAP_NET_ADMIN", 12), ("CAP_NET_RAW", 13)]

  /// The capabilities that a node needs and this process lacks.
  public static func missing() -> [String] {
    let effective = effectiveSet() ?? 0
    return needed.filter { effective >> UInt64($0.1) & 1 == 0 }.map(\.0)
  }

  /// Whether the process has a capability, given by its number.
  static func has(_ capability: Int) -> Bool {
    effectiveSet().map { $0 >> UInt64(capability) & 1 == 1 } ?? false
  }

  private static func effectiveSet() -> UInt64? {
    guard let bytes = readSmallFile("/proc/self/status") else { return nil }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    where line.hasPrefix("CapEff:") {
      return UInt64(line.dropFirst(7).drop { $0 == "\t" || $0 == " " }, radix: 16)
    }
    return nil
  }
}
