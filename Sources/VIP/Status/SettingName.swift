package import VIPCore

/// The names of the kernel's settings of interfaces, for users.
package enum SettingName {
  /// A setting's name as `sysctl` takes it, which writes the dots of an interface as slashes.
  ///
  /// - Parameters:
  ///   - setting: the setting, such as `arp_ignore`.
  ///   - family: the family that it is about.
  ///   - interface: the interface, or `all`.
  /// - Returns: the name, such as `net.ipv4.conf.eth0/100.arp_ignore`.
  package static func of(
    _ setting: String, _ family: AddressFamily, on interface: String
  ) -> String {
    let directory = family == .ipv4 ? "ipv4" : "ipv6"
    return "net.\(directory).conf.\(interface.replacing(".", with: "/")).\(setting)"
  }
}
