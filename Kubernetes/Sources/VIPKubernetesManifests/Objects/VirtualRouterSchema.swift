extension Definition {
  /// The definition of VirtualRouters.
  static var virtualRouter: Definition {
    Definition(
      kind: "VirtualRouter", plural: "virtualrouters", shortName: "vrouter",
      description:
        "Some addresses, the nodes that can hold them, and the one that does. Written by vipctl, and "
        + "to be read; what is wanted is said in AddressPools and Services.",
      spec: routerSpec, status: routerStatus,
      columns: [
        Column("Pool", .string, ".spec.pool"),
        Column("VRID", .integer, ".spec.vrid"),
        Column("Addresses", .integer, ".spec.addressCount"),
        Column("Active-IPv4", .string, ".status.active.ipv4.node"),
        Column("Active-IPv6", .string, ".status.active.ipv6.node"),
        Column("Candidates", .integer, ".spec.candidateCount"),
        // The first of the two that is there.
        Column("Since", .date, ".status.active['ipv4','ipv6'].since"),
        Column("Service", .string, ".spec.service", isWide: true),
        Column("Interface", .string, ".spec.interface", isWide: true),
        Column("Interval", .string, ".spec.interval", isWide: true),
        Column(
          "Planned", .string, ".status.conditions[?(@.type==\"Planned\")].status", isWide: true),
      ],
      rules: [
        Schema.Rule(
          "size(self.metadata.name) <= 64", "the name of a router has 64 characters at most")
      ])
  }

  /// The same for a field on which all nodes must agree.
  private static func fixed(_ schema: Schema) -> Schema {
    schema.rule("self == oldSelf", "can't be changed: the nodes would be two groups")
  }

  private static var routerSpec: Schema {
    Schema.object(
      "What is wanted. Written by the allocator.", identitySpec + settingsSpec + membersSpec
    ).rule(
      "has(self.interface) == has(oldSelf.interface)"
        + " && (!has(self.interface) || self.interface == oldSelf.interface)",
      "interface can't be changed: the nodes would be two groups"
    ).rule(
      "!has(self.addressCount)"
        + " || self.addressCount == (has(self.addresses) ? size(self.addresses) : 0)",
      "addressCount must be the number of addresses"
    ).rule(
      "!has(self.candidateCount)"
        + " || self.candidateCount == (has(self.candidates) ? size(self.candidates) : 0)",
      "candidateCount must be the number of candidates")
  }

  private static var identitySpec: [Schema.Property] {
    [
      .required("pool", fixed(.name("The pool from which the addresses are."))),
      .init(
        "service",
        .string(
          "NAMESPACE/NAME of the Service whose own router this is; a shared one has none.", 3...317,
          pattern: TextForm.key)),
      .required(
        "vrid", fixed(.integer("The virtual router identifier, which never changes.", 1...255))),
      .init(
        "interface",
        .interface(
          "The interface. Left out, it is on each node the one whose network has the addresses.")),
    ]
  }

  private static var settingsSpec: [Schema.Property] {
    [
      .init("interval", .interval("The time between advertisements.")),
      .init(
        "preempt",
        .boolean("Whether the first candidate takes the addresses back after a failure.")),
      .init("preemptDelay", .duration("How long it waits before that.")),
      .init("virtualMac", .boolean("Whether the addresses have an Ethernet address of their own.")),
    ]
  }

  /// The number of addresses that one router can have: as many as a speaker reads.
  private static let addressCount = 0...20_000
  /// The number of candidates that one router can have: as many as there are priorities.
  private static let candidateCount = 0...254
  /// The number of nodes that can have an entry: as many as a speaker reads.
  private static let nodeCount = 0...20_000

  /// The number of addresses that an entry names.
  private static let unservedCount = 0...256

  private static var membersSpec: [Schema.Property] {
    let leaving = Schema.object(
      "",
      [
        .required("address", .address("The address.")),
        .required(
          "since",
          .generation(
            "The generation of the router that says so: a node that has acknowledged it has let go."
          )),
      ])
    let candidate = Schema.object(
      "",
      [
        .required("node", .name("The node.")),
        .required(
          "priority",
          .integer(
            "Its priority. The highest is that of the node that is to hold the addresses when all are "
              + "well.", 1...254)),
      ])
    return [
      .init(
        "addresses", .list("The addresses that it serves.", of: .address(""), addressCount, .set)),
      .init(
        "addressCount",
        .integer("The number of addresses, for lists.", 0...Int64(addressCount.upperBound))),
      .init(
        "leaving",
        .list(
          "The addresses that no node may serve any more, until all of them have said so.",
          of: leaving, addressCount, .map(key: "address"))),
      .init(
        "candidates",
        .list(
          "The nodes that may hold the addresses.", of: candidate, candidateCount,
          .map(key: "node"))),
      .init(
        "candidateCount",
        .integer("The number of candidates, for lists.", 0...Int64(candidateCount.upperBound))),
    ]
  }

  private static var routerStatus: Schema {
    let node = Schema.object(
      "",
      [
        .required("node", .name("The node.")),
        .required(
          "generation",
          .generation("The generation of the router that it runs; 0 before it has begun.")),
        .init(
          "problem", .string("Why it can't run the router, or not all of it.", 0...32_768)),
        .init(
          "unserved",
          .list(
            "The addresses that it does not serve on account of the problem. None are named if it "
              + "is all of them, or more than \(unservedCount.upperBound).",
            of: .address(""), unservedCount)),
      ])
    let conflict = Schema.object(
      "",
      [
        .required("address", .address("The address.")),
        .required(
          "mac", .string("The machine's Ethernet address.", 17...17, pattern: TextForm.mac)),
      ])
    return .object(
      "What has become of it. Written by the nodes, but for the condition Planned.",
      [
        .init(
          "active",
          .object(
            "The nodes that hold the addresses.",
            [.init("ipv4", active("IPv4")), .init("ipv6", active("IPv6"))])),
        .init(
          "nodes",
          .list(
            "What each node has done that may run the router. A node without an entry has none of the "
              + "addresses.",
            of: node, nodeCount, .map(key: "node"))),
        .init(
          "conflicts",
          .list(
            "The addresses that a machine outside the group uses.", of: conflict, addressCount,
            .map(key: "address"))),
        .init("conditions", .conditions("What is remarkable.")),
      ])
  }

  private static func active(_ family: String) -> Schema {
    Schema.object(
      "The node that holds the addresses of \(family).",
      [
        .required("node", .name("The node.")), .required("since", .time("Since when.")),
      ]
    ).with { $0.isAtomic = true }
  }
}
