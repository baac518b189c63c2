public import Netlink
public import VIP
import VIPCore
import VRRP

/// Compares a configuration with the machine it is to run on.
public struct MachineCheck: Sendable {
  /// A fault: what is wrong, how badly and where.
  public struct Remark: Sendable, Hashable {
    /// The gravity of a remark.
    public enum Kind: String, Sendable {
      /// The node would refuse it.
      case error
      /// The node would start, and that part of it waits until the machine is ready.
      case waits
      /// The node would go on with it.
      case warning
      /// Nothing is wrong; it follows from what the file says.
      case note
      /// Another machine is in its way.
      case conflict
    }

    /// The gravity of the remark.
    public var kind: Kind
    /// The place in the file where it stands; `nil` if it is about the file or the machine as a
    /// whole.
    public var place: Place?
    /// The fault and what to do, in one sentence.
    public var text: String
    /// The router that it is about; `nil` if it is about the file or the machine as a whole.
    public var router: String?
    /// The fault that a process tells of while its node runs; `nil` if nothing is wrong, or if the
    /// node itself tells it.
    public var fault: MachineFault?

    /// Makes a remark.
    public init(
      kind: Kind, place: Place? = nil, text: String, router: String? = nil,
      fault: MachineFault? = nil
    ) {
      self.kind = kind
      self.place = place
      self.text = text
      self.router = router
      self.fault = fault
    }

    /// `FILE:LINE:COLUMN: text`.
    public func line(in file: String) -> String {
      "\(file)\(place.map { ":\($0)" } ?? ""): \(text)"
    }
  }

  /// The interfaces of the machine.
  public var links: [Link]
  /// The host's own addresses; those that a node holds now are not among them.
  var addresses: [AddressRecord]
  /// The capabilities that a node needs and this process lacks.
  var missingCapabilities: [String]
  /// The settings of the kernel and the container.
  var kernel: KernelSettings
  /// The program of this machine that has probably added addresses which no node holds; `nil` if
  /// none is known.
  var addressProgram: AddressProgram?
  /// Finds, for each of some interfaces, one of some addresses that another node has there, and
  /// that node's process in words.
  var foreignAddresses:
    @Sendable ([IPAddress], [Int32]) -> [(
      interfaceIndex: Int32, address: IPAddress, holder: String?
    )] = { _, _ in [] }

  init(
    links: [Link], addresses: [AddressRecord], missingCapabilities: [String] = [],
    kernel: KernelSettings
  ) {
    self.links = links
    self.addresses = addresses.filter { !$0.isOurs }
    self.missingCapabilities = missingCapabilities
    self.kernel = kernel
  }

  /// Looks at this machine.
  ///
  /// - Throws: what netlink can't tell.
  public init() throws(NetlinkError) {
    let kernel = try NetlinkKernel()
    self.init(
      links: try kernel.links(), addresses: try kernel.addresses(),
      missingCapabilities: ProcessCapabilities.missing(), kernel: .ofThisMachine())
    addressProgram = .running()
    foreignAddresses = { AddressClaims.foreign($0, onInterfaces: $1) }
  }

  // MARK: What is wrong

  /// Checks a file on this machine; changes nothing.
  public func remarks(
    _ file: FileConfiguration, _ routers: [PlacedRouter], groups: [PlacedGroup] = []
  ) -> [Remark] {
    var remarks: [Remark] = []
    if !missingCapabilities.isEmpty {
      let names = missingCapabilities.joined(separator: " and ")
      remarks.append(
        Remark(
          kind: .warning, text: "this user lacks \(names), without which no node runs"))
    }
    if file.settings.lease == .off {
      remarks.append(
        Remark(
          kind: .note, text: "without a lease a frozen or killed node leaves its addresses up"))
    }
    remarks += limitRemarks(file) + scatterRemarks(file)
    // Routers may have their programs from one place.
    var told: Set<Remark> = []
    for router in routers {
      for var remark in self.remarks(router) {
        remark.router = router.configuration.name
        remarks.append(remark)
      }
      for var remark in ProgramCheck.remarks(router)
      where told.insert(remark).inserted {
        remark.router = router.configuration.name
        remarks.append(remark)
      }
    }
    for group in groups {
      remarks += ProgramCheck.remarks(group).filter { told.insert($0).inserted }
    }
    remarks += twoInterfacesRemarks(routers) + groupRemarks(file, routers) + routeRemarks(routers)
    if file.given.contains(.lease) { remarks += leaseRemarks(file.settings.lease, routers) }
    return remarks
  }

  /// A remark if a lease that was chosen is too short for what it is to hold.
  private func leaseRemarks(_ lease: LeasePolicy, _ routers: [PlacedRouter]) -> [Remark] {
    do throws(ConfigurationError) {
      try lease.check(routers.map(\.configuration))
      return []
    } catch {
      let router = routers.first { $0.configuration.name == error.router }
      return [Remark(kind: .error, place: router?.place(of: error.field), text: error.description)]
    }
  }

  private func remarks(_ router: PlacedRouter) -> [Remark] {
    let settings = router.configuration
    let place = router.place(of: .interface)
    guard let link = self.link(settings.interface) else {
      return [waits(place, missing(settings.interface) + "; the router waits until there is")]
    }
    let fault = InterfaceFault.unsuitability(
      of: link, calledBy: settings.interface,
      master: links.first { $0.index == link.masterIndex })
    if let fault {
      return [
        fault.kind == .loopback
          ? Remark(kind: .error, place: place, text: fault.description)
          : waits(place, fault.description)
      ]
    }
    var remarks: [Remark] = []
    if !link.flags.contains(.up) {
      remarks.append(waits(place, "\(link.name) is down; the router waits until it is up"))
    } else if !link.flags.contains(.running) {
      remarks.append(waits(place, "\(link.name) has no carrier; the router waits until it has"))
    }
    if !link.flags.contains(.multicast), settings.peers.isEmpty {
      remarks.append(
        Remark(
          kind: .warning, place: place,
          text: "\(link.name) does not carry multicast, which advertisements are; list the others "
            + "under 'peers'", fault: .noMulticast(interface: link.name)))
    }
    for family in settings.families { remarks += familyRemarks(family, settings, link, place) }
    remarks += kernelRemarks(settings, on: link, at: place)
    for (index, address) in settings.addresses.enumerated() {
      remarks += remark(address, at: router.place(of: .address(index)), settings, link)
    }
    remarks += peerRemarks(router, link)
    for (index, track) in settings.tracks.enumerated() {
      guard self.link(track.interface) == nil else { continue }
      let effect =
        track.decrement.map { "its priority is \($0) lower" } ?? "the router takes no part"
      remarks.append(
        waits(
          router.place(of: .track(index)),
          "there is no interface '\(track.interface)'; \(effect) until there is"))
    }
    remarks += furtherRemarks(router)
    if settings.password != nil {
      remarks.append(
        Remark(
          kind: .note, place: router.place(of: .authentication),
          text: "a password of version 2 is readable by each machine in the network; it protects "
            + "nothing"))
    }
    return remarks
  }

  /// The remark that a router waits, for a reason that a running node tells too.
  private func waits(_ place: Place, _ text: String) -> Remark {
    Remark(kind: .waits, place: place, text: text)
  }

  /// The interface that has a name, as its own or as an alternative one.
  func link(_ name: String) -> Link? { links.first { $0.isCalled(name) } }

  /// The text that there is no such interface, and which there are.
  private func missing(_ name: String) -> String {
    "there is no interface '\(name)'; this machine has "
      + links.map(\.name).joined(separator: ", ")
  }

  /// Peers that no other machine can be.
  private func peerRemarks(_ router: PlacedRouter, _ link: Link) -> [Remark] {
    let settings = router.configuration
    var remarks: [Remark] = []
    let own = addresses.filter { $0.interfaceIndex == link.index }.map(\.address)
    for (index, peer) in settings.peers.enumerated() where !peer.isLinkLocal {
      let networks = own.filter { $0.family == peer.family && !$0.address.isLinkLocal }
      guard !networks.isEmpty, !networks.contains(where: { $0.contains(peer) }) else { continue }
      remarks.append(
        Remark(
          kind: .warning, place: router.place(of: .peer(index)),
          text: "\(peer) lies in no network of \(link.name); peers must be on the same segment",
          fault: .peerElsewhere(peer)))
    }
    for family in settings.families {
      let peers = settings.peers(family)
      guard !peers.isEmpty, peers.allSatisfy({ peer in own.contains { $0.address == peer } })
      else { continue }
      remarks.append(
        Remark(
          kind: .warning, place: router.place(of: .peers),
          text: "this machine is its only \(family) peer; name the others"))
    }
    return remarks
  }

  private func familyRemarks(
    _ family: AddressFamily, _ settings: RouterConfiguration, _ link: Link, _ place: Place
  ) -> [Remark] {
    var remarks: [Remark] = []
    // Without the file the kernel has no IPv6 at all.
    let isOff = kernel.number("net/ipv6/conf/\(link.name)/disable_ipv6") != 0
    let lacksSource = source(of: settings, on: link, family) == nil
    if lacksSource || (family == .ipv6 && isOff && link.hasRoom(for: family)) {
      let reason = WaitingReason.lacksSource(
        of: link, called: link.name, family, isGlobal: settings.needsGlobalSource(family)
      ) { _ in isOff }
      let end =
        switch reason {
        case .mtuTooSmall: "it is large enough"
        case .ipv6Off: "it is on"
        default: "it has"
        }
      remarks.append(waits(place, "\(reason); the router waits until \(end)"))
    }
    let count = settings.addresses(family).count
    let room = Advertisement.addressCountMax(
      mtu: link.mtu, family: family, version: settings.version)
    if count > room {
      remarks.append(
        Remark(
          kind: .warning, place: place,
          text: "\(count - room) of \(count) \(family) addresses don't fit into an advertisement "
            + "(MTU \(link.mtu)); they are held, but peers can't compare them"))
    }
    return remarks
  }

  private func remark(
    _ address: InterfaceAddress, at place: Place, _ settings: RouterConfiguration, _ link: Link
  ) -> [Remark] {
    let host = addresses.filter { $0.interfaceIndex == link.index }
    let isHosts = host.contains { $0.address.address == address.address }
    if isHosts, settings.priority != .owner {
      let reason =
        addressProgram.map {
          "\(address.address) is \(link.name)'s own address, probably from \($0); stop that program"
        } ?? WaitingReason.hostAddress(address.address, interface: link.name).description
      return [waits(place, reason + "; the router waits until it is gone")]
    }
    if !isHosts, settings.priority == .owner {
      return [
        Remark(
          kind: .warning, place: place,
          text: "priority 255 says that \(address.address) is \(link.name)'s own address, which it "
            + "is not", fault: .notOwned(address.address))
      ]
    }
    return hostAnswers(address, at: place, settings, link)
      + networkRemarks(address, at: place, host.map(\.address), link)
  }

  /// The remark that the host has a virtual address on other interfaces, for which it answers on
  /// the router's too.
  private func hostAnswers(
    _ address: InterfaceAddress, at place: Place, _ settings: RouterConfiguration, _ link: Link
  ) -> [Remark] {
    guard settings.priority != .owner,
      HostAnswer.isGivenForOtherInterfaces(
        address.family, arpIgnore: kernel.number("net/ipv4/conf/\(link.name)/arp_ignore") ?? 0,
        ofAll: kernel.number("net/ipv4/conf/all/arp_ignore") ?? 0)
    else { return [] }
    return addresses.filter {
      $0.address.address == address.address && $0.interfaceIndex != link.index
    }.map { record in
      let name = links.first { $0.index == record.interfaceIndex }?.name
      return Remark(
        kind: .warning, place: place, text: HostAnswer.text(record, on: name, besides: link.name))
    }
  }

  /// A remark if an address does not fit the networks of the host's own ones.
  private func networkRemarks(
    _ address: InterfaceAddress, at place: Place, _ own: [InterfaceAddress], _ link: Link
  ) -> [Remark] {
    let networks = own.filter { $0.family == address.family && !$0.address.isLinkLocal }
    guard !address.address.isLinkLocal else { return [] }
    let isHostAddress = address.prefixLength == address.family.addressBitCount
    if address.family == .ipv6, !networks.contains(where: { $0.contains(address.address) }) {
      guard !isHostAddress else {
        return [
          Remark(
            kind: .warning, place: place,
            text: address.withoutNetwork("\(link.name) has no address there"))
        ]
      }
      return [
        Remark(
          kind: .note, place: place,
          text: "\(link.name) has no address in the network of \(address); unless another route "
            + "leads there, the router makes one while it holds the address")
      ]
    }
    guard !networks.isEmpty else { return [] }
    guard let network = networks.first(where: { $0.contains(address.address) }) else {
      let list = networks.map(\.description).joined(separator: ", ")
      let fact = "\(address) lies in no network of \(link.name) (\(list))"
      return [
        isHostAddress
          ? Remark(
            kind: .note, place: place,
            text: "\(fact), which is right where it is routed to this machine")
          : Remark(
            kind: .warning, place: place, text: "\(fact); its neighbours may not reach it",
            fault: .addressElsewhere(address))
      ]
    }
    guard !isHostAddress, address.prefixLength != network.prefixLength else { return [] }
    return [
      Remark(
        kind: .warning, place: place,
        text: "\(address) has another prefix length than \(network) on \(link.name)",
        fault: .prefixLengthDiffers(address))
    ]
  }

  /// The address that a router would send from; `nil` if there is none.
  func source(
    of settings: RouterConfiguration, on link: Link, _ family: AddressFamily
  ) -> IPAddress? {
    settings.source(among: addresses.filter { $0.interfaceIndex == link.index }, family)
  }
}
