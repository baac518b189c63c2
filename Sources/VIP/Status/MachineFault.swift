public import VIPCore

/// Something about a machine that does a node or its routers harm.
///
/// It says what is at fault and nothing that may change while it lasts, so it tells one problem
/// from another. How far things have come stands in the sentence of the problem.
public enum MachineFault: Sendable, Hashable {
  /// A setting of the kernel, by its name as `sysctl` takes it.
  case setting(String)
  /// The limit of open files, which is too low for the node.
  case openFiles
  /// The limit of processes and threads, which a node may run into.
  case processes
  /// The limit of processor time, which lets the node stand still for longer than its peers wait.
  case processorTime
  /// The kernel's table of neighbours, which is filling up.
  case neighbourTable(AddressFamily)
  /// An interface that does not carry multicast.
  case noMulticast(interface: String)
  /// An interface that answers no ARP.
  case noARP(interface: String)
  /// An interface that is in a VRF, where a node makes no routes.
  case vrf(interface: String)
  /// A peer in no network of the router's interface.
  case peerElsewhere(IPAddress)
  /// A virtual address in no network of the router's interface.
  case addressElsewhere(InterfaceAddress)
  /// A virtual address with another prefix length than the network that it is in.
  case prefixLengthDiffers(InterfaceAddress)
  /// An owner's virtual address that is not the host's own.
  case notOwned(IPAddress)
  /// A virtual address that a node of this machine serves on another interface too.
  case addressOnOtherInterface(IPAddress, interface: String)
  /// The addresses of a node, which are too scattered to be kept from other nodes of the machine.
  case unclaimedAddresses
  /// A program that can't be run.
  case unusableProgram(path: String)
  /// A program that users without the node's rights can change.
  case writableProgram(path: String)
  /// The machine, or a program on it, which does not answer in time when it is looked at.
  case noAnswer
}
