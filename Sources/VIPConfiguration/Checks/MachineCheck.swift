public import Netlink
import VIP
import VIPCore
import VRRP

/// Compares a configuration with the machine it is to run on.
public struct MachineCheck: Sendable {
  /// What is wrong, how badly and where.
  public struct Remark: Sendable, Hashable {
    /// How bad it is.
    public enum Kind: String, Sendable {
      /// The node would refuse it.
      case error
      /// The node would go on with it.
      case warning
      /// Another machine is in its way.
      case conflict
    }

    /// How bad it is.
    public var kind: Kind
    /// Where in the file it stands; `nil` if it is about the file or the machine as a whole.
    public var place: Place?
    /// What is wrong and what to do, in one sentence.
    public var text: String

    /// Makes a remark.
    public init(kind: Kind, place: Place? = nil, text: String) {
      self.kind = kind
      self.place = place
      self.text = text
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
  /// What this process lacks that a node needs.
  var missingCapabilities: [String]
  /// What the kernel and the container are set to.
  var kernel: KernelSettings

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
  }

  // MARK: What is wrong

  /// What is wrong with a file on this machine; nothing changes.
  public func remarks(_ file: FileConfiguration, _ routers: [PlacedRouter]) -> [Remark] {
    var remarks: [Remark] = []
    if !missingCapabilities.isEmpty {
      let names = missingCapabilities.joined(separator: " and ")
      remarks.append(
        Remark(kind: .warning, text: "this user lacks \(names), without which no node runs"))
    }
    if file.settings.lease == .off {
      remarks.append(
        Remark(
          kind: .warning, text: "without a lease a frozen or killed node leaves its addresses up"))
    }
    remarks += limitRemarks(file)
    for router in routers {
      remarks += self.remarks(router)
      for remark in ProgramCheck.remarks(router) where !remarks.contains(remark) {
        remarks.append(remark)
      }
    }
    if file.given.contains(.lease) { remarks += leaseRemarks(file.settings.lease, routers) }
    return remarks
  }

  /// Where a lease that was chosen is too short for what it is to hold.
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
    guard let link = links.first(where: { $0.name == settings.interface }) else {
      let names = links.map(\.name).joined(separator: ", ")
      return [
        Remark(
          kind: .error, place: place,
          text: "there is no interface '\(settings.interface)'; this machine has \(names)")
      ]
    }
    guard !link.isLoopback else {
      return [
        Remark(
          kind: .error, place: place,
          text:
            "\(link.name) is a loopback interface, where no other machine is; name the one that "
            + "leads to them")
      ]
    }
    var remarks: [Remark] = []
    func warn(_ place: Place?, _ text: String) {
      remarks.append(Remark(kind: .warning, place: place, text: text))
    }
    if !link.flags.contains(.up) {
      warn(place, "\(link.name) is down; the router waits until it is up")
    } else if !link.flags.contains(.running) {
      warn(place, "\(link.name) has no carrier; the router waits until it has")
    }
    if !link.flags.contains(.multicast), settings.peers.isEmpty {
      warn(
        place,
        "\(link.name) does not carry multicast, which advertisements are; list the others under "
          + "'peers'")
    }
    for family in settings.families { warnOfFamily(family, settings, link, place, warn) }
    remarks += kernelRemarks(settings, on: link, at: place)
    for (index, address) in settings.addresses.enumerated() {
      remarks += remark(address, at: router.place(of: .address(index)), settings, link)
    }
    remarks += peerRemarks(router, link)
    for (index, track) in settings.tracks.enumerated() {
      guard !links.contains(where: { $0.name == track.interface }) else { continue }
      let effect =
        track.decrement.map { "its priority is \($0) lower" } ?? "the router takes no part"
      warn(
        router.place(of: .track(index)),
        "there is no interface '\(track.interface)'; \(effect) until there is")
    }
    if settings.password != nil {
      warn(
        router.place(of: .authentication),
        "a password of version 2 is readable by each machine in the network; it protects "
          + "nothing")
    }
    return remarks
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
          text: "\(peer) lies in no network of \(link.name); peers must be on the same segment"))
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

  private func warnOfFamily(
    _ family: AddressFamily, _ settings: RouterConfiguration, _ link: Link, _ place: Place,
    _ warn: (Place?, String) -> Void
  ) {
    // Without the file the kernel has no IPv6 at all.
    let path = "net/ipv6/conf/\(link.name)/disable_ipv6"
    if family == .ipv6, kernel.number(path) != 0 {
      warn(place, "IPv6 is switched off on \(link.name) (net.ipv6.conf.\(link.name).disable_ipv6)")
    } else if source(on: link, family) == nil {
      let kind = family == .ipv4 ? "IPv4 address" : "link-local IPv6 address"
      warn(place, "\(link.name) has no \(kind) to send from; the router waits until it has")
    }
    let count = settings.addresses(family).count
    let room = Advertisement.addressCountMax(
      mtu: link.mtu, family: family, version: settings.version)
    if count > room {
      warn(
        place,
        "\(count - room) of \(count) \(family) addresses don't fit into an advertisement (MTU "
          + "\(link.mtu)); they are held, but peers can't compare them")
    }
  }

  private func remark(
    _ address: InterfaceAddress, at place: Place, _ settings: RouterConfiguration, _ link: Link
  ) -> [Remark] {
    let host = addresses.filter { $0.interfaceIndex == link.index }
    let isHosts = host.contains { $0.address.address == address.address }
    if isHosts, settings.priority != .owner {
      return [
        Remark(
          kind: .error, place: place,
          text: "\(address.address) is \(link.name)'s own address; only an owner (priority 255) "
            + "may have it as a virtual address")
      ]
    }
    if !isHosts, settings.priority == .owner {
      return [
        Remark(
          kind: .warning, place: place,
          text: "priority 255 says that \(address.address) is \(link.name)'s own address, which it "
            + "is not")
      ]
    }
    let networks = host.map(\.address).filter {
      $0.family == address.family && !$0.address.isLinkLocal
    }
    guard !address.address.isLinkLocal else { return [] }
    if address.family == .ipv6, address.prefixLength < 127,
      !networks.contains(where: { $0.contains(address.address) })
    {
      return [
        Remark(
          kind: .warning, place: place,
          text: "\(link.name) has no address in the network of \(address); unless another route "
            + "leads there, the router makes one while it holds the address")
      ]
    }
    guard !networks.isEmpty else { return [] }
    guard let network = networks.first(where: { $0.contains(address.address) }) else {
      let list = networks.map(\.description).joined(separator: ", ")
      return [
        Remark(
          kind: .warning, place: place,
          text: "\(address) lies in no network of \(link.name) (\(list)); its neighbours may not "
            + "reach it")
      ]
    }
    let isHostAddress = address.prefixLength == address.family.addressBitCount
    guard !isHostAddress, address.prefixLength != network.prefixLength else { return [] }
    return [
      Remark(
        kind: .warning, place: place,
        text: "\(address) has another prefix length than \(network) on \(link.name)")
    ]
  }

  private func source(on link: Link, _ family: AddressFamily) -> IPAddress? {
    addresses.first { record in
      record.interfaceIndex == link.index && record.address.family == family && !record.isOurs
        && (family == .ipv4 || record.address.address.isLinkLocal)
    }?.address.address
  }

  // MARK: What would happen

  /// What a node would do with the configuration, a line for each virtual router.
  public func plan(_ file: FileConfiguration) -> [String] {
    let lease = file.settings.lease
    let end = lifetime(lease, file).map { "go after at most \(($0 + .seconds(1)).text)" } ?? "stay"
    let events = file.eventsPath.map { ", events to \($0)" } ?? ""
    var lines = ["node: lease \(lease), addresses of a frozen node \(end)\(events)"]
    for settings in file.routers {
      for family in settings.families { lines += plan(settings, family) }
    }
    return lines
  }

  /// How long the last address of a frozen node lives, but for the kernel's last second; `nil` if
  /// it stays.
  private func lifetime(_ lease: LeasePolicy, _ file: FileConfiguration) -> Duration? {
    file.routers.flatMap { router in
      router.families.compactMap { lease.lifetime(interval: router.interval, $0) }
    }.max() ?? lease.lifetime
  }

  private func plan(_ settings: RouterConfiguration, _ family: AddressFamily) -> [String] {
    let link = links.first { $0.name == settings.interface }
    let source = link.flatMap { self.source(on: $0, family) }
    let silence = Timing.activeDownInterval(
      priority: settings.priority, interval: settings.interval, version: settings.version)
    let takeover =
      settings.priority == .owner
      ? "active at once" : "active after \(Self.seconds(silence)) of silence"
    let preemption =
      if settings.priority == .owner {
        "preempts always"
      } else if !settings.preempt {
        "does not preempt"
      } else if settings.preemptDelay > .zero {
        "preempts after \(settings.preemptDelay.text)"
      } else {
        "preempts"
      }
    let tracks = settings.tracks.map { track in
      (track.decrement.map { "priority \($0) lower" } ?? "no part")
        + " while \(track.interface) is down"
    }
    let transport: [String] =
      if settings.virtualMac {
        ["virtual MAC address \(MACAddress.virtualRouter(settings.vrid, family))"]
      } else if !settings.peers.isEmpty {
        ["unicast to \(settings.peers(family).map(\.description).joined(separator: " "))"]
      } else {
        []
      }
    let parts: [String] =
      [
        "VRID \(settings.vrid) on \(settings.interface)"
          + (source.map { " from \($0)" } ?? ""),
        "\(settings.version), every \(settings.interval)", "priority \(settings.priority)",
        preemption, takeover, "\(settings.handover.rawValue) handover",
      ] + transport + tracks
    let all = settings.addresses(family)
    let list = all.prefix(3).map(\.description).joined(separator: " ")
    let more = all.count > 3 ? " and \(all.count - 3) more" : ""
    return [
      "\(settings.name) \(family.rawValue): \(parts.joined(separator: ", "))",
      "  \(all.count == 1 ? "address" : "\(all.count) addresses"): \(list)\(more)",
    ]
      + settings.hooks.states.map { state in
        let words = settings.hooks[state].map(Self.word).joined(separator: " ")
        return "  on \(state.rawValue): \(words) (at most \(settings.hooks.timeout.text))".onOneLine
      }
  }

  /// An argument as one can read where it ends.
  private static func word(_ text: String) -> String {
    text.isEmpty || text.contains(where: \.isWhitespace) ? "'\(text)'" : text
  }

  private static func seconds(_ duration: Duration) -> String {
    Duration.milliseconds(Int64(duration.inNanoseconds / 1_000_000)).text
  }
}
