import Netlink
import VIP
import VIPCore
import VRRP

/// Something that a node did or told, or that happened to its machine.
enum MachineDeed: Sendable, Hashable {
  /// An advertisement left; to one machine if a destination is named.
  case advertised(VRID, AddressFamily, Priority, to: IPAddress?)
  /// An announcement left, with the Ethernet address in it.
  case announced(IPAddress, MACAddress)
  /// A question whether an address is free left.
  case asked(IPAddress)
  /// Something could not be sent.
  case notSent(String)
  /// The kernel was asked for an address; whether it was there already, and what it answered.
  case installed(AddressRequest, isRefresh: Bool, NetlinkError?)
  /// The kernel was asked to remove an address.
  case removed(AddressRequest, NetlinkError?)
  /// The kernel was asked to change an interface.
  case changed(LinkRequest, interface: String, NetlinkError?)
  /// A setting below /proc/sys/net was written.
  case set(String, Int)
  /// The node told something.
  case event(NodeEvent)
  /// Anything else, such as what became of a command.
  case remark(String)
}
