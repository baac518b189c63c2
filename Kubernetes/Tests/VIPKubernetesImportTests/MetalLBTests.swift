import Testing
import VIPKubernetes
import VIPKubernetesImport

/// Each field of an `IPAddressPool` of MetalLB.
@Suite struct MetalLBTests: ImportSuite {
  /// A pool that is announced without conditions.
  private func announced(_ text: String) throws -> PoolImport {
    try imported(text + "---\n" + Objects.advertisement())
  }

  private func spec(_ text: String) throws -> AddressPool.Spec {
    let result = try announced(text)
    #expect(result.remarks.allSatisfy { $0.kind == .note }, "\(result.lines)")
    return try #require(result.pools.first).spec
  }

  @Test func `a pool that says nothing but its addresses`() throws {
    let result = try announced(Objects.pool())
    #expect(result.remarks.isEmpty)
    #expect(
      result.yaml == """
        # From IPAddressPool lan, o.yaml:1.
        apiVersion: vipctl.io/v1alpha1
        kind: AddressPool
        metadata:
          name: lan
        spec:
          addresses: ["192.0.2.100-192.0.2.150"]

        """)
  }

  @Test func `addresses of all kinds and both families`() throws {
    let addresses =
      "[192.0.2.0/24, 198.51.100.7-198.51.100.9, 198.51.100.20/32, '2001:db8::/120', "
      + "'2001:db8:1::1 - 2001:db8:1::f']"
    let result = try announced(Objects.pool(addresses: addresses))
    #expect(
      result.pools.first?.spec.addresses == [
        "192.0.2.0-192.0.2.255", "198.51.100.7-198.51.100.9", "198.51.100.20",
        "2001:db8::-2001:db8::ff", "2001:db8:1::1-2001:db8:1::f",
      ])
    #expect(
      result.lines == [
        "o.yaml:7: note: IPAddressPool lan: 192.0.2.0/24 becomes the range 192.0.2.0-192.0.2.255, and so "
          + "does 1 other, since not all addresses of a network are given to Services here; write the "
          + "network if its ends are those of the nodes' subnet"
      ])
    #expect(
      try announced(Objects.pool(addresses: "[]")).lines == [
        "o.yaml:7: IPAddressPool lan: is left out: it has no address that could be used; correct its "
          + "addresses"
      ])
    #expect(
      try announced(Objects.pool(addresses: "192.0.2.0/24")).lines == [
        "o.yaml:7: IPAddressPool lan: is left out: 'addresses' is a list, such as [192.0.2.0/24], found "
          + "'192.0.2.0/24'; correct it"
      ])
  }

  @Test func `more entries than a pool may have`() throws {
    let entries = (0..<1001).map { "198.51.\($0 / 250).\($0 % 250 + 1)/32" }.joined(separator: ", ")
    let result = try announced(Objects.pool(addresses: "[\(entries)]"))
    #expect(result.pools.first?.spec.addresses.count == 1000)
    #expect(
      result.lines == [
        "o.yaml:7: IPAddressPool lan: only the first 1000 of 1001 entries of 'addresses' are taken; make "
          + "another pool for the rest"
      ])
  }

  @Test func `autoAssign`() throws {
    #expect(try spec(Objects.pool("autoAssign: true")).autoAssign)
    #expect(try !spec(Objects.pool("autoAssign: false")).autoAssign)
    #expect(
      try announced(Objects.pool("autoAssign: 'false'")).lines == [
        "o.yaml:8: IPAddressPool lan: is left out: 'autoAssign' is true or false, found the text "
          + "'false'; correct it"
      ])
  }

  @Test(arguments: [
    ("192.0.2.0/24", ["192.0.2.1-192.0.2.254"]), ("192.0.2.0/25", ["192.0.2.1-192.0.2.127"]),
    ("192.0.2.64/26", ["192.0.2.64-192.0.2.127"]),
    ("192.0.2.250-192.0.3.5", ["192.0.2.250-192.0.2.254", "192.0.3.1-192.0.3.5"]),
    ("192.0.2.0/23", ["192.0.2.1-192.0.2.254", "192.0.3.1-192.0.3.254"]),
    ("2001:db8::/120", ["2001:db8::-2001:db8::ff"]),
  ])
  func `avoidBuggyIPs takes out what ends with 0 or 255`(
    addresses: String, expected: [String]
  ) throws {
    let text = Objects.pool("avoidBuggyIPs: true", addresses: "['\(addresses)']")
    let result = try announced(text)
    #expect(result.pools.first?.spec.addresses == expected)
    // A range that has become another one is not that of the network.
    let isWidened = addresses.hasPrefix("2001") || addresses.hasPrefix("192.0.2.64")
    #expect(result.lines.isEmpty != isWidened, "\(result.lines)")
  }

  @Test func `avoidBuggyIPs that is off, that leaves nothing, or is too much`() throws {
    #expect(try spec(Objects.pool("avoidBuggyIPs: false")).addresses.count == 1)
    let nothing = Objects.pool("avoidBuggyIPs: true", addresses: "[192.0.2.255-192.0.3.0]")
    #expect(try announced(nothing).pools.isEmpty)
    #expect(try announced(nothing).lines.count == 1)
    let large = Objects.pool("avoidBuggyIPs: true", addresses: "[10.0.0.0/14]")
    let result = try announced(large)
    #expect(result.pools.first?.spec.addresses == ["10.0.0.0-10.3.255.255"])
    #expect(
      result.lines.last
        == "o.yaml:8: IPAddressPool lan: 'avoidBuggyIPs' would take more than 1000 ranges; the addresses "
        + "that end with .0 or .255 are in the pool; make several smaller pools without them")
    let fitting = Objects.pool("avoidBuggyIPs: true", addresses: "[10.0.0.0-10.3.231.255]")
    #expect(try spec(fitting).addresses.count == 1000)
  }

  @Test func `serviceAllocation by namespaces`() throws {
    let names = try spec(Objects.pool("serviceAllocation: {namespaces: [web, mail]}"))
    #expect(names.namespaces == ["web", "mail"] && names.namespaceSelector == nil)
    let one = "[{matchLabels: {team: a}, matchExpressions: [{key: b, operator: Exists}]}]"
    let selected = try spec(Objects.pool("serviceAllocation: {namespaceSelectors: \(one)}"))
    #expect(
      selected.namespaceSelector
        == LabelSelector(
          matchLabels: ["team": "a"], matchExpressions: [.init(key: "b", operator: "Exists")]))
    let several = "[{matchLabels: {team: a}}, {matchLabels: {team: b}}]"
    let merged = try spec(Objects.pool("serviceAllocation: {namespaceSelectors: \(several)}"))
    #expect(
      merged.namespaceSelector
        == LabelSelector(matchExpressions: [.init(key: "team", operator: "In", values: ["a", "b"])])
    )

    let both = try announced(
      Objects.pool("serviceAllocation: {namespaces: [web], namespaceSelectors: \(one)}"))
    #expect(both.pools.first?.spec.namespaces == ["web"])
    #expect(both.pools.first?.spec.namespaceSelector == nil)
    #expect(
      both.lines == [
        "o.yaml:8: IPAddressPool lan: 'namespaceSelectors' is left out: with 'namespaces' beside it, it "
          + "would have to choose these namespaces, too; add the names of those that it chooses to "
          + "'namespaces'"
      ])
    let all = try spec(
      Objects.pool("serviceAllocation: {namespaces: [web], namespaceSelectors: [{}]}"))
    #expect(all.namespaces.isEmpty && all.namespaceSelector == nil)

    let different = "[{matchLabels: {team: a}}, {matchLabels: {tier: b}}]"
    let narrow = try announced(
      Objects.pool("serviceAllocation: {namespaceSelectors: \(different)}"))
    #expect(
      narrow.pools.first?.spec.namespaceSelector == LabelSelector(matchLabels: ["team": "a"]))
    #expect(
      narrow.lines == [
        "o.yaml:8: IPAddressPool lan: of several 'namespaceSelectors' only the first is taken: a pool "
          + "has one 'namespaceSelector'; give all those namespaces a label and choose them by it"
      ])
  }

  @Test func `serviceAllocation by Services`() throws {
    let one = try spec(
      Objects.pool("serviceAllocation: {serviceSelectors: [{matchLabels: {app: web}}]}"))
    #expect(one.serviceSelector == LabelSelector(matchLabels: ["app": "web"]))
    let merged = try spec(
      Objects.pool(
        "serviceAllocation: {serviceSelectors: [{matchLabels: {app: web}}, "
          + "{matchExpressions: [{key: app, operator: In, values: [mail, web]}]}]}"))
    #expect(
      merged.serviceSelector
        == LabelSelector(matchExpressions: [
          .init(key: "app", operator: "In", values: ["web", "mail"])
        ]))
    let narrow = try announced(
      Objects.pool(
        "serviceAllocation: {serviceSelectors: [{matchLabels: {a: b, c: d}}, {matchLabels: {a: b}}]}"
      ))
    #expect(
      narrow.pools.first?.spec.serviceSelector
        == LabelSelector(matchLabels: ["a": "b", "c": "d"]))
    #expect(
      narrow.lines == [
        "o.yaml:8: IPAddressPool lan: of several 'serviceSelectors' only the first is taken: a pool has "
          + "one 'serviceSelector'; give all those Services a label and choose them by it"
      ])
  }

  @Test func `pools are taken by their priority, those without one later, open ones last`() throws {
    func pool(_ name: String, _ number: Int, _ lines: String...) -> String {
      let text = Objects.pool(name: name, addresses: "[192.0.2.\(number)/32]")
      return text + lines.map { "  \($0)\n" }.joined()
    }
    let allocation = "namespaces: [web]"
    let result = try imported(
      pool("open", 1), pool("second", 2, "serviceAllocation: {priority: 20, \(allocation)}"),
      pool("first", 3, "serviceAllocation: {priority: 10, \(allocation)}"),
      pool("unsaid", 4, "serviceAllocation: {\(allocation)}"),
      pool("zero", 5, "serviceAllocation: {priority: 0, \(allocation)}"),
      pool("manual", 6, "autoAssign: false"), Objects.advertisement())
    #expect(result.remarks.isEmpty)
    let orders = result.pools.map { "\($0.metadata.name) \($0.spec.order)" }
    #expect(
      orders == ["open 22", "second 20", "first 10", "unsaid 21", "zero 21", "manual 22"])
    let alike = try imported(
      pool("a", 1, "serviceAllocation: {\(allocation)}"), pool("b", 2), Objects.advertisement())
    #expect(alike.pools.map(\.spec.order) == [0, 1])
    let open = try imported(pool("a", 1), pool("b", 2), Objects.advertisement())
    #expect(open.pools.map(\.spec.order) == [0, 0])
    let far = try announced(
      Objects.pool("serviceAllocation: {priority: 1000001, \(allocation)}"))
    #expect(far.pools.first?.spec.order == 1_000_000 && far.lines.count == 1)
  }

  @Test func `serviceAllocation that chooses nothing`() throws {
    let result = try announced(Objects.pool("serviceAllocation: {priority: 10}"))
    #expect(result.pools.first?.spec.autoAssign == false)
    #expect(
      result.lines == [
        "o.yaml:8: note: IPAddressPool lan: becomes 'autoAssign: false', since 'serviceAllocation' names "
          + "neither namespaces nor Services, and MetalLB gives no addresses by itself then"
      ])
  }

  @Test(arguments: [
    ("serviceAllocation: [a]", "'serviceAllocation' is a mapping, found a list; correct it"),
    (
      "serviceAllocation: {priority: x}", "'priority' is a whole number, found 'x'; correct it"
    ),
    (
      "serviceAllocation: {serviceSelectors: {}}",
      "'serviceSelectors' is a list, such as [{matchLabels: {a: b}}], found a mapping; correct it"
    ),
    (
      "serviceAllocation: {serviceSelectors: [{labels: {a: b}}]}",
      "'labels' is no field of a selector; correct it"
    ),
    (
      "serviceAllocation: {serviceSelectors: [{matchLabels: {a: [b]}}]}",
      "'a' is a text, found a list; correct it"
    ),
    (
      "serviceAllocation: {serviceSelectors: [{matchLabels: {a: '-'}}]}",
      "'a: -' can't be a label; correct it"
    ),
    (
      "serviceAllocation: {serviceSelectors: [{matchExpressions: [{operator: In}]}]}",
      "an expression of a selector needs the 'key' of a label; correct it"
    ),
    (
      "serviceAllocation: {serviceSelectors: [{matchExpressions: [{key: a, operator: Is}]}]}",
      "'operator' of an expression is In, NotIn, Exists or DoesNotExist, found 'Is'; correct it"
    ),
    (
      "serviceAllocation: {serviceSelectors: [{matchExpressions: [{key: a, operator: In}]}]}",
      "In and NotIn have 1 to 1000 values, Exists and DoesNotExist none; correct the expression"
    ),
    (
      "serviceAllocation: {serviceSelectors: [{matchExpressions: [{key: a, operator: In, values: [[]]}]}]}",
      "'values' of an expression are values of a label; correct them"
    ),
  ])
  func `a value that can't be right leaves the pool out`(line: String, problem: String) throws {
    let result = try announced(Objects.pool(line))
    #expect(result.pools.isEmpty)
    #expect(result.lines == ["o.yaml:8: IPAddressPool lan: is left out: \(problem)"])
  }

  @Test func `fields that are new, and the status`() throws {
    let result = try announced(
      Objects.pool("color: red", "serviceAllocation: {namespaces: [web], shape: round}")
        + "status: {assignedIPv4: 1, availableIPv4: 2}\n")
    #expect(
      result.lines == [
        "o.yaml:8: IPAddressPool lan: 'color' in spec has no equivalent that is known; look up what it "
          + "is for, and whether the pool goes without it",
        "o.yaml:9: IPAddressPool lan: 'shape' in serviceAllocation has no equivalent that is known; look "
          + "up what it is for, and whether the pool goes without it",
      ])
  }

  @Test func `other versions and kinds of MetalLB`() throws {
    let objects = [
      Objects.pool().replacing("v1beta1", with: "v2"),
      Objects.pool(name: "old").replacing("IPAddressPool", with: "AddressPool"),
      Objects.pool(name: "peer").replacing("IPAddressPool", with: "BGPPeer"),
      Objects.pool(name: "fast").replacing("IPAddressPool", with: "BFDProfile"),
      Objects.pool(name: "words").replacing("IPAddressPool", with: "Community"),
      Objects.pool(name: "state").replacing("IPAddressPool", with: "ServiceL2Status"),
      Objects.pool(name: "other").replacing("IPAddressPool", with: "Other"),
    ]
    let result = try imported(objects.joined(separator: "---\n"))
    let bgp = "nothing is announced by BGP here; keep MetalLB for pools that need it"
    #expect(
      result.lines.map { String($0.drop { $0 != " " }.dropFirst()) } == [
        "IPAddressPool lan: is left out: only IPAddressPools of metallb.io/v1beta1 are read; ask for "
          + "these",
        "AddressPool old: AddressPools of MetalLB are not read; make an IPAddressPool of it, as MetalLB "
          + "0.13 and newer have it",
        "BGPPeer peer: \(bgp)", "BFDProfile fast: \(bgp)", "Community words: \(bgp)",
        "Other other: its kind has no equivalent that is known; look up what it is for",
      ])
    #expect(result.remarks.allSatisfy { $0.kind == .lost })
  }
}
