import Netlink
import VIP
import VIPCore
import VRRP

/// Settings of the kernel, or of the container around the node, that would do the node harm.
extension MachineCheck {
  /// The node's own files: up to 256 connections of its control socket (64, and 192 that take long
  /// to answer), and roughly netlink, timers, the guard, the log.
  private static let openFilesOfNode = 300
  /// VRRP sockets of both families and the announcements of one interface.
  private static let openFilesOfInterface = 3
  /// The socket by which ss(8) shows that a group is served, for each family.
  private static let openFilesOfGroup = 1
  private static let processesOfNode = 24

  /// Remarks that concern the node as a whole.
  func limitRemarks(_ file: FileConfiguration) -> [Remark] {
    var remarks: [Remark] = []
    func warn(_ fault: MachineFault, _ text: String) {
      remarks.append(Remark(kind: .warning, text: text, fault: fault))
    }
    let interfaces = Set(file.routers.map(\.interface)).count
    let groups = file.routers.reduce(0) { $0 + $1.families.count }
    let files =
      Self.openFilesOfNode + Self.openFilesOfInterface * interfaces
      + Self.openFilesOfGroup * groups
    if let most = kernel.openFilesMax, most < UInt64(files) {
      warn(
        .openFiles,
        "only \(most) files may be open (ulimit -n), and a node with \(Self.count(interfaces, "interface")) "
          + "and \(Self.count(groups, "virtual router")) needs up to \(files); raise LimitNOFILE= or ulimit -n"
      )
    }
    if let left = kernel.processesLeft, left < Self.processesOfNode {
      warn(
        .processes,
        "only \(left) more processes and threads may be started in this container (pids.max), and "
          + "a node needs up to \(Self.processesOfNode); raise that limit")
    }
    if let quota = kernel.processorQuota,
      let fastest = file.routers.min(by: { $0.interval.duration < $1.interval.duration })
    {
      // Once the quota is used up, everything stands still until the period is over.
      let pause = Duration.microseconds(Int64(quota.of - min(quota.run, quota.of)))
      if pause > fastest.interval.duration * 3 {
        warn(
          .processorTime,
          "this container gets \(Self.milliseconds(quota.run)) of processor time in each "
            + "\(Self.milliseconds(quota.of)) (cpu.max) and may stand still for longer than three "
            + "intervals of '\(fastest.name)' (\(fastest.interval)), which is a failover; lift the "
            + "limit, or set a longer interval")
      }
    }
    let memberships = "net.ipv4.igmp_max_memberships"
    if kernel.number(memberships.replacing(".", with: "/")) == 0,
      file.routers.contains(where: { $0.families.contains(.ipv4) })
    {
      warn(
        .setting(memberships),
        "\(memberships) is 0, so advertisements over IPv4 can't be heard; set it to "
          + "20, the default")
    }
    warnOfNeighbourTable(file, warn)
    return remarks
  }

  /// The table of neighbours is the whole machine's, and what is sent to a group needs a place
  /// there too: told where it is filling up, or has been full.
  private func warnOfNeighbourTable(
    _ file: FileConfiguration, _ warn: (MachineFault, String) -> Void
  ) {
    for (family, directory) in [(AddressFamily.ipv4, "ipv4"), (.ipv6, "ipv6")]
    where file.routers.contains(where: { $0.families.contains(family) }) {
      let setting = "net.\(directory).neigh.default.gc_thresh3"
      guard let most = kernel.number(setting.replacing(".", with: "/")),
        let table = kernel.neighbours(family)
      else { continue }
      let state: String
      if table.count > most / 2 {
        state = "has \(table.count) of at most \(most) entries (\(setting))"
      } else if table.overflows > 0 {
        state =
          "has been full \(table.overflows) times since the machine was started, with at most "
          + "\(most) entries (\(setting))"
      } else {
        continue
      }
      warn(
        .neighbourTable(family),
        "the machine's table of \(family) neighbours \(state); when it is full, advertisements "
          + "leave in frames, but clients get no answers; raise that limit")
    }
  }

  /// Remarks that concern a router's interface.
  func kernelRemarks(
    _ settings: RouterConfiguration, on link: Link, at place: Place?
  ) -> [Remark] {
    var remarks: [Remark] = []
    func warn(_ fault: MachineFault, _ text: String) {
      remarks.append(Remark(kind: .warning, place: place, text: text, fault: fault))
    }
    let name = link.name
    let master = links.first { $0.index == link.masterIndex }
    if let master, master.kind == "vrf", settings.families.contains(.ipv6) {
      warn(
        .vrf(interface: name),
        "\(name) is in the VRF \(master.name), where the node makes no routes; give \(name) an "
          + "address in the network of each virtual IPv6 address")
    }
    if link.flags.contains(.noARP), settings.families.contains(.ipv4) {
      warn(
        .noARP(interface: name),
        "\(name) answers no ARP (NOARP), so no machine finds the IPv4 addresses")
    }
    if settings.families.contains(.ipv4) {
      if kernel.largest("ipv4", "arp_ignore", on: name) == 8 {
        let setting = SettingName.of("arp_ignore", .ipv4, on: name)
        warn(
          .setting(setting),
          "\(name) answers no ARP at all, so no machine finds the addresses; set \(setting) and "
            + "that of 'all' to 0 or 1")
      }
      if kernel.isReadOnly, settings.addresses(.ipv4).count > 1,
        kernel.largest("ipv4", "promote_secondaries", on: name) == 0
      {
        let setting = SettingName.of("promote_secondaries", .ipv4, on: name)
        warn(
          .setting(setting),
          "/proc/sys can't be written here and \(setting) is 0: when the first "
            + "of several IPv4 addresses of a network goes, the kernel drops the others for a "
            + "moment; set it to 1 from outside")
      }
      if let twin = twin(of: link) { remarks += twinRemarks(link, twin, place) }
    }
    if settings.families.contains(.ipv6) {
      let most = kernel.number("net/ipv6/conf/\(name)/max_addresses") ?? 0
      let present = addresses.count {
        $0.interfaceIndex == link.index && $0.address.family == .ipv6
      }
      let sum = present + settings.addresses(.ipv6).count
      let hasAutomatic =
        kernel.number("net/ipv6/conf/\(name)/autoconf") ?? 0 != 0
        && kernel.number("net/ipv6/conf/\(name)/accept_ra") ?? 0 != 0
      if most > 0, sum >= most, hasAutomatic {
        let setting = SettingName.of("max_addresses", .ipv6, on: name)
        warn(
          .setting(setting),
          "with \(sum) IPv6 addresses on \(name) the kernel takes no more automatic ones (it stops "
            + "at \(most)); set \(setting) to 0")
      }
    }
    return remarks
  }

  /// Another interface in the same IPv4 network, which confuses ARP and the filter of return paths.
  private func twin(of link: Link) -> Link? {
    let own = addresses.filter { $0.interfaceIndex == link.index && $0.address.family == .ipv4 }
    return links.first { other in
      guard other.index != link.index, other.isUp, !other.isLoopback else { return false }
      return addresses.contains { record in
        record.interfaceIndex == other.index && record.address.family == .ipv4
          && own.contains {
            $0.address.prefixLength < 32 && record.address.prefixLength < 32
              && ($0.address.contains(record.address.address)
                || record.address.contains($0.address.address))
          }
      }
    }
  }

  private func twinRemarks(_ link: Link, _ twin: Link, _ place: Place?) -> [Remark] {
    var remarks: [Remark] = []
    func warn(_ setting: String, _ text: String) {
      remarks.append(
        Remark(
          kind: .warning, place: place,
          text: "\(link.name) and \(twin.name) are in the same IPv4 network, and \(text)",
          fault: .setting(setting)))
    }
    if kernel.largest("ipv4", "arp_ignore", on: twin.name) == 0 {
      let setting = SettingName.of("arp_ignore", .ipv4, on: twin.name)
      warn(
        setting,
        "\(twin.name) answers ARP for the virtual addresses too; set \(setting) to 1")
    }
    if kernel.largest("ipv4", "rp_filter", on: link.name) == 1 {
      let setting = SettingName.of("rp_filter", .ipv4, on: link.name)
      warn(
        setting,
        "the kernel may drop what comes in on \(link.name) because its answers leave by "
          + "\(twin.name); set \(setting) to 2")
    }
    // Where it is on for all, it is on for each.
    if kernel.largest("ipv4", "arp_filter", on: link.name) != 0 {
      let setting = SettingName.of("arp_filter", .ipv4, on: link.name)
      warn(
        setting,
        "\(link.name) answers no ARP for the virtual addresses where the answers would leave by "
          + "\(twin.name); set \(setting) and that of 'all' to 0")
    }
    return remarks
  }

  private static func count(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
  }

  private static func milliseconds(_ microseconds: Int) -> String {
    Duration.microseconds(Int64(microseconds)).text
  }
}
