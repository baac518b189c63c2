import NIOPosix
public import Netlink
public import VIPCore
public import VIPKubernetes

/// What a speaker sees of its machine.
public struct MachineView: Sendable, Hashable {
  /// The interfaces that can serve addresses, with the host's own addresses on them.
  public var interfaces: [SpeakerInterface]
  /// The virtual addresses that are on any interface now.
  public var served: Set<IPAddress>

  /// Makes a view.
  public init(interfaces: [SpeakerInterface], served: Set<IPAddress>) {
    self.interfaces = interfaces
    self.served = served
  }

  /// Makes a view of what a kernel has.
  public init(_ links: [Link], _ addresses: [AddressRecord]) {
    let byIndex = Dictionary(links.map { ($0.index, $0) }, uniquingKeysWith: { $1 })
    let own = Dictionary(grouping: addresses.filter { !$0.isOurs }, by: \.interfaceIndex)
    interfaces = links.compactMap { link in
      guard link.isEthernet, !link.isLoopback else { return nil }
      // A port of a bridge or a bond serves nothing; a VRF has none of its own.
      let master = link.masterIndex.map { byIndex[$0]?.kind ?? "" }
      guard master == nil || master == "vrf" else { return nil }
      return SpeakerInterface(link.name, (own[link.index] ?? []).map(\.address))
    }
    served = Set(addresses.lazy.filter(\.isOurs).map(\.address.address))
  }
}

/// The machine on which a speaker's node runs, as far as the speaker looks at it itself.
public protocol SpeakerMachine: Sendable {
  /// Looks at it now; `nil` if that is not possible.
  func look() async -> MachineView?
}

/// This machine.
public struct LinuxSpeakerMachine: SpeakerMachine {
  /// Makes a view that has not looked yet.
  public init() {}

  /// Asks the kernel, on a thread that may wait.
  public func look() async -> MachineView? {
    do throws(any Error) {
      return try await NIOThreadPool.singleton.runIfActive {
        let kernel = try NetlinkKernel()
        return MachineView(try kernel.links(), try kernel.addresses())
      }
    } catch {
      return nil
    }
  }
}
