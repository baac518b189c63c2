package import ARP
package import Netlink
package import VIPCore

/// The machine as an engine sees it; tests put fakes in its place.
package protocol Platform: AnyObject {
  /// Addresses and links.
  var kernel: any Kernel { get }
  /// The time since boot, suspension included.
  func now() -> Instant
  /// The wall clock, in seconds since 1970, for reports only.
  func wallClock() -> Double
  /// Opens the VRRP socket of an interface and family.
  func openAdvertisements(_ link: Link, _ family: AddressFamily) throws(NodeError)
    -> any AdvertisementTransport
  /// Opens the way to send and hear announcements on an interface; takes milliseconds.
  func openWire(_ link: Link) throws(NodeError) -> any FrameTransport & FrameReceiver
  /// Closes a wire without waiting for it.
  func close(_ wire: consuming any FrameTransport & FrameReceiver)
  /// Whether the host forwards packets of a family that arrive on an interface.
  func isForwarding(_ link: Link, _ family: AddressFamily) -> Bool
  /// Sets whether, on an interface, the next IPv4 address of a subnet takes the place of the first
  /// one that is removed, instead of being removed with it.
  ///
  /// - Returns: whether that was otherwise before and has been changed.
  func setPromotesSecondaries(_ isOn: Bool, on link: Link) -> Bool
  /// A setting below net (/proc/sys/net) by its path there; `nil` if there is none.
  func setting(_ path: String) -> Int?
  /// Why such a setting can't be changed, as an error number; 0 if it can.
  func obstacle(toSetting path: String) -> Int32
  /// Changes such a setting.
  ///
  /// - Returns: 0, or the error number.
  func changeSetting(_ path: String, to value: Int) -> Int32
  /// Claims a name among the processes of this network namespace, until this one ends.
  ///
  /// - Returns: whether it is ours now.
  func claimName(_ name: String) throws(NodeError) -> Bool
  /// The process that had a name when it was last claimed in vain; `nil` if that is not known.
  func nameHolder(_ name: String) -> NameHolder?
  /// Gives such a name up.
  func releaseName(_ name: String)
  /// From now on, calls the engine's turn when a descriptor is readable.
  func watch(_ descriptor: Int32, _ source: ReadinessSource)
  /// No longer waits for a descriptor that is about to be closed.
  func unwatch(_ descriptor: Int32)
}

/// A process that has a name.
package struct NameHolder: Sendable, Hashable {
  /// Its number; 0 if it is in a container that can't be looked into.
  package var pid: Int32
  /// Its user.
  package var user: UInt32

  /// Makes a holder.
  package init(pid: Int32, user: UInt32) {
    self.pid = pid
    self.user = user
  }

  /// Such as "process 4711 of user 0".
  var description: String { (pid == 0 ? "a process" : "process \(pid)") + " of user \(user)" }
}

/// What has become readable.
package enum ReadinessSource: Sendable, Hashable {
  /// The kernel's link and address events.
  case kernelEvents
  /// The VRRP socket of an interface and family.
  case segment(SegmentKey)
  /// What others announce on an interface.
  case wire(Int32)
  /// The guard process, which has something to say or is dead.
  case safeguard
}

/// One interface and family: where a VRID is unique.
package struct SegmentKey: Sendable, Hashable {
  /// The interface.
  package var interfaceIndex: Int32
  /// The family.
  package var family: AddressFamily

  /// Makes a key.
  package init(interfaceIndex: Int32, family: AddressFamily) {
    self.interfaceIndex = interfaceIndex
    self.family = family
  }
}
