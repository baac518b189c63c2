/// Capabilities of this process, as far as a node needs them.
public enum ProcessCapabilities {
  /// The capability to run before ordinary work, and with real-time scheduling.
  static let sysNice = 23
  /// Memory that is never paged out.
  static let ipcLock = 14

  private static let needed = [("CAP_NET_ADMIN", 12), ("CAP_NET_RAW", 13)]

  /// The capabilities that a node needs and this process lacks.
  ///
  /// None if that can't be found out (no descriptor is free, `/proc` is not mounted): the kernel
  /// refuses then what is not permitted.
  public static func missing() -> [String] {
    guard let effective = effectiveSet() else { return [] }
    return needed.filter { effective >> UInt64($0.1) & 1 == 0 }.map(\.0)
  }

  /// Whether the process has a capability, given by its number.
  static func has(_ capability: Int) -> Bool {
    effectiveSet().map { $0 >> UInt64(capability) & 1 == 1 } ?? false
  }

  /// Whether another process is known not to have CAP_NET_ADMIN; not if it can't be looked at.
  static func isWithoutNetAdmin(process: Int32) -> Bool {
    guard process > 0, let effective = effectiveSet(of: "\(process)") else { return false }
    return effective >> 12 & 1 == 0
  }

  private static func effectiveSet(of process: String = "self") -> UInt64? {
    guard let bytes = readSmallFile("/proc/\(process)/status") else { return nil }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    where line.hasPrefix("CapEff:") {
      return UInt64(line.dropFirst(7).drop { $0 == "\t" || $0 == " " }, radix: 16)
    }
    return nil
  }
}
