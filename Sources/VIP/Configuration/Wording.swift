/// The words by which the users of a program know some of its settings and commands.
///
/// A node's errors and reasons end with what to do about it, in general terms; a program that gives
/// its words is quoted with them. `vipctl` gives its flags.
public struct Wording: Sendable, Hashable {
  /// The way to switch off the probe of a router, such as a command with its flag, or a button;
  /// `nil` if there is none.
  ///
  /// It is quoted whatever was being done, so a flag needs its command.
  public var probingOff: String?
  /// The way to switch it off in a configuration file; `nil` if there is none.
  public var probeKey: String?
  /// The way to remove a router, to be followed by the router's name; `nil` if there is none.
  public var removal: String?
  /// The setting of a router that gives it a virtual MAC address; `nil` if users know none.
  public var virtualMACKey: String?
  /// The setting by which a node runs before all ordinary work; `nil` if users know none.
  public var realtimeKey: String?
  /// The way to end the resignation or promotion of a router, to be followed by the router's name;
  /// `nil` if there is none.
  public var resumption: String?

  /// Makes words; what is left out has none.
  public init(
    probingOff: String? = nil, probeKey: String? = nil, removal: String? = nil,
    virtualMACKey: String? = nil, realtimeKey: String? = nil, resumption: String? = nil
  ) {
    self.probingOff = probingOff
    self.probeKey = probeKey
    self.removal = removal
    self.virtualMACKey = virtualMACKey
    self.realtimeKey = realtimeKey
    self.resumption = resumption
  }

  /// The advice for an address in use that a router was to have.
  var addressInUse: String {
    let ways = [probingOff, probeKey.map { "'\($0)' in the file" }].compactMap { $0 }
    return "take another address, or take it from that machine; if you are sure that it gives the "
      + "address up, switch the probe off"
      + (ways.isEmpty ? "" : " (\(ways.joined(separator: ", or ")))")
  }

  /// The way to do without a virtual MAC address.
  var withoutVirtualMAC: String {
    virtualMACKey.map { "set \($0) to false" } ?? "do without a virtual MAC address"
  }

  /// The setting that runs a node before all ordinary work.
  var realtime: String { realtimeKey ?? "real-time scheduling" }

  /// The advice to end a resignation or promotion.
  func adviceToResume(_ router: String) -> String {
    resumption.map { "end it with '\($0) \(router)'" } ?? "end it if it is not wanted any more"
  }

  /// The advice to do something else than take all addresses from a router.
  func adviceToRemove(_ router: String) -> String {
    "remove the router itself" + (removal.map { " with '\($0) \(router)'" } ?? "")
  }
}
