extension Definition {
  /// The definition of AddressPools, with the interval and the VRIDs of those that do not say any.
  package static func addressPool(interval: String, vrids: String) -> Definition {
    Definition(
      kind: "AddressPool", plural: "addresspools", shortName: "apool",
      description:
        "Addresses that Services of type LoadBalancer can get, and how the nodes serve them.",
      spec: poolSpec(interval: interval, vrids: vrids), status: poolStatus,
      columns: [
        Column("Addresses", .string, ".spec.addresses"),
        Column("Capacity", .string, ".status.capacity"),
        Column("Used", .integer, ".status.used"),
        Column("Free-VRIDs", .integer, ".status.freeVRIDs"),
        Column("Valid", .string, ".status.conditions[?(@.type==\"Valid\")].status"),
        Column("Age", .date, ".metadata.creationTimestamp"),
        Column("Interface", .string, ".spec.interface", isWide: true),
        Column("VRIDs", .string, ".spec.vrids", isWide: true),
        Column("Interval", .string, ".spec.interval", isWide: true),
      ],
      rules: [
        // The names of its virtual routers begin with it and may be 64 bytes long.
        Schema.Rule(
          "size(self.metadata.name) <= 55", "the name of a pool has 55 characters at most")
      ])
  }

  private static func poolSpec(interval: String, vrids: String) -> Schema {
    .object(
      "What is wanted.",
      servedSpec(vrids: vrids) + settingsSpec(interval: interval) + choiceSpec)
  }

  /// The fields about what is served, and by which virtual routers.
  private static func servedSpec(vrids: String) -> [Schema.Property] {
    let block = Schema.string("", 2...100, pattern: TextForm.addressBlock).rule(
      "isIP(self) || isCIDR(self) || self.indexOf('-') > 0"
        + " && isIP(self.substring(0, self.indexOf('-')).trim())"
        + " && isIP(self.substring(self.indexOf('-') + 1).trim())",
      "must be an address, a range as 192.0.2.10-192.0.2.20 or a network as 192.0.2.0/24")
    return [
      .required(
        "addresses",
        .list(
          "Single addresses, ranges (192.0.2.10-192.0.2.20) and networks (192.0.2.0/24), of both "
            + "families. Of a network, the address that names it and its broadcast address are not "
            + "given to Services.",
          of: block, 1...1000)),
      .init(
        "interface",
        .interface(
          "The interface on which the addresses are served. Left out, it is on each node the one "
            + "whose network has the address.")),
      .init(
        "vrids",
        .string(
          "The virtual router identifiers (VRIDs) that this cluster may use on the segment, such as "
            + "31-60,80. Leave out what other VRRP routers there have.",
          1...1023, pattern: TextForm.vrids
        ).or(.text(vrids))),
      .init(
        "routers",
        .integer(
          "Over how many virtual routers the addresses are spread. Left out, it is the number of "
            + "nodes, at most 16.", 1...255)),
      .init(
        "virtualMac",
        .boolean(
          "Whether the addresses have an Ethernet address of their own, which moves with them."
        ).or(false)),
    ]
  }

  /// The fields about how the virtual routers are run.
  private static func settingsSpec(interval: String) -> [Schema.Property] {
    [
      .init(
        "interval",
        .interval(
          "The time between advertisements, from 10ms to 40.95s in steps of 10ms. A node that is "
            + "dead is noticed after three of them."
        ).or(.text(interval))),
      .init(
        "preempt",
        .boolean(
          "Whether the spread over the nodes comes back after a failure. It costs the clients "
            + "nothing."
        ).or(true)),
      .init(
        "preemptDelay",
        .duration("How long to wait before the spread comes back, 24h at most.")
          .rule("duration(self) <= duration('24h')", "must not be more than 24h").or("10s")),
    ]
  }

  /// The fields about which nodes serve the addresses, and which Services get them.
  private static var choiceSpec: [Schema.Property] {
    let namespaces = Schema.list(
      "The namespaces whose Services may have the addresses. Left out, all may.",
      of: .name(""), 0...1000, .set)
    return [
      .init(
        "nodeSelector",
        .selector(
          "The nodes that serve the addresses, among those on which a pod of vipctl runs. Left out, "
            + "all do.")),
      .init("serviceSelector", .selector("The Services that may have the addresses.")),
      .init("namespaces", namespaces),
      .init(
        "namespaceSelector",
        .selector("The same by the labels of namespaces. Left out, it chooses all.")),
      .init(
        "autoAssign",
        .boolean(
          "Whether Services get the addresses that don't name the pool in vipctl.io/pool."
        ).or(true)),
      .init(
        "order",
        Schema.integer(
          "Pools of a lower number are taken first.", -1_000_000...1_000_000
        ).or(0)),
    ]
  }

  private static var poolStatus: Schema {
    .object(
      "What has become of it.",
      [
        .init(
          "capacity",
          .string(
            "How many addresses it has, in decimal; a /64 has more than JSON numbers hold.", 0...64)
        ),
        .init(
          "used",
          .integer("How many of them are in use, or on their way out of it.", 0...(.max))
            .with { $0.format = "int64" }),
        .init("freeVRIDs", .integer("How many of its VRIDs no virtual router has.", 0...255)),
        .init(
          "conditions",
          .conditions(
            "Valid says whether all of the pool can be used, and what is wrong with it; Speakers, "
              + "whether vipctl runs on all nodes that may serve its addresses.")),
      ])
  }
}
