import ARP
import ArgumentParser
import Netlink
import VIP
import VIPConfiguration
import VIPCore
import VIPService

struct AnnounceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "announce",
    abstract: "Announce once where addresses are, without an election.",
    discussion: """
      Sends gratuitous ARP for IPv4 and unsolicited Neighbor Advertisements for IPv6, so that \
      other machines send to this one. It does not put the addresses on the interface: use it \
      after another program has done so.

        vipctl announce 192.0.2.10 --interface eth0
        vipctl announce 192.0.2.10 2001:db8::10 -i eth0 --count 1
      """)

  @Argument(
    help: ArgumentHelp("The addresses, IPv4 and IPv6.", valueName: "address"))
  var addresses: [String]

  @Option(
    name: [.customShort("i"), .long],
    help: ArgumentHelp("The network interface that has the addresses.", valueName: "if"),
    completion: Completions.interface)
  var interface: String

  @Option(
    help: ArgumentHelp("How often, a second apart; 1 to 100.", valueName: "n"),
    transform: SettingText.count)
  var count = 3

  @Option(
    help: ArgumentHelp(
      "The Ethernet address to announce. (default: the interface's own)", valueName: "mac"),
    transform: SettingText.mac)
  var mac: MACAddress?

  func run() throws {
    let hosts: [IPAddress]
    do throws(SettingError) {
      hosts = try addresses.map(SettingText.host)
    } catch {
      throw UsageErrors.failure("\(error)", command: "announce")
    }
    let missing = ProcessCapabilities.missing().filter { $0 == "CAP_NET_RAW" }
    guard missing.isEmpty else { throw Permissions.failure(missing) }
    let link = try self.link()
    guard let mac = mac ?? link.macAddress, link.isEthernet, !link.isLoopback else {
      throw Failure(.failed, "\(interface) is no Ethernet; nothing can be announced there")
    }
    do throws(FrameError) {
      try announce(hosts, at: mac, on: try PcapTransport(interface: link.name))
    } catch {
      throw Failure(error)
    }
    let times = count == 1 ? "once" : "\(count) times"
    for address in hosts {
      Terminal.print("\(address): announced \(times) on \(interface), at \(mac)")
    }
  }

  private func announce(
    _ hosts: [IPAddress], at mac: MACAddress, on wire: PcapTransport
  ) throws(FrameError) {
    for round in 0..<count {
      if round > 0 { Clocks.pause(.seconds(1)) }
      for address in hosts {
        try wire.send(Announcement(address, at: mac))
      }
    }
  }

  private func link() throws(Failure) -> Link {
    let links: [Link]
    do throws(NetlinkError) {
      links = try NetlinkKernel().links()
    } catch {
      throw Failure(.failed, error.description)
    }
    guard let link = links.first(where: { $0.isCalled(interface) }) else {
      let names = links.map(\.name).joined(separator: ", ")
      throw Failure(.failed, "there is no interface '\(interface)'; this machine has \(names)")
    }
    return link
  }
}
