import Testing
import VIPKubernetes
import VIPKubernetesImport

/// Each field of an `Eip` of OpenELB.
@Suite struct EipTests: ImportSuite {
  @Test func `the default Eip in VIP mode`() throws {
    let result = try imported(Objects.eip("interface: eth0", metadata: Objects.isDefault))
    #expect(
      result.yaml == """
        # From Eip lan, o.yaml:1.
        apiVersion: vipctl.io/v1alpha1
        kind: AddressPool
        metadata:
          name: lan
        spec:
          addresses: ["192.0.2.100-192.0.2.150"]
          interface: eth0

        """)
    #expect(
      result.remarks.map(\.line) == [
        "o.yaml:1: note: Eip lan: OpenELB's virtual routers may have any VRID; see on the segment which "
          + "ones are there, and give the pool others with 'vrids' as long as OpenELB runs"
      ])
  }

  @Test(arguments: [
    ("192.0.2.7", "192.0.2.7"), ("192.0.2.7-192.0.2.9", "192.0.2.7-192.0.2.9"),
    ("192.0.2.7 - 192.0.2.9", "192.0.2.7-192.0.2.9"), ("192.0.2.7/32", "192.0.2.7"),
    ("192.0.2.6/31", "192.0.2.6-192.0.2.7"), ("2001:DB8::7", "2001:db8::7"),
    ("2001:db8::1-2001:db8::ff", "2001:db8::1-2001:db8::ff"), ("2001:db8::7/128", "2001:db8::7"),
    ("2001:db8::6/127", "2001:db8::6-2001:db8::7"),
  ])
  func `addresses that are all given here, too`(address: String, expected: String) throws {
    let (spec, notes) = try pool(Objects.eip(address: address, metadata: Objects.isDefault))
    #expect(spec.addresses == [expected] && notes.isEmpty)
  }

  @Test(arguments: [
    ("192.0.2.0/24", "192.0.2.0/24", "192.0.2.0-192.0.2.255"),
    ("192.0.2.91/28", "192.0.2.80/28", "192.0.2.80-192.0.2.95"),
    ("2001:db8::/64", "2001:db8::/64", "2001:db8::-2001:db8::ffff:ffff:ffff:ffff"),
  ])
  func `a network keeps all its addresses`(
    address: String, network: String, range: String
  ) throws {
    let (spec, notes) = try pool(Objects.eip(address: address, metadata: Objects.isDefault))
    #expect(spec.addresses == [range])
    #expect(
      notes == [
        "o.yaml:7: note: Eip lan: \(network) becomes the range \(range), since not all addresses of a "
          + "network are given to Services here; write the network if its ends are those of the nodes' "
          + "subnet"
      ])
  }

  @Test(arguments: [
    ("web", "it is neither an address, nor a range"),
    ("192.0.2.9-192.0.2.7", "its end lies before"),
    ("192.0.2.0/255.255.255.0", "it is no network"), ("192.0.2.7-2001:db8::1", "two families"),
    ("127.0.0.0/8", "loopback addresses can't be"),
    ("0.0.0.0/0", "addresses of 0.0.0.0/8 can't be"),
    ("::/0", "can't be virtual addresses"), ("192.0.2.0/33", "it is no network"),
  ])
  func `addresses that are none`(address: String, problem: String) throws {
    let result = try imported(Objects.eip(address: address, metadata: Objects.isDefault))
    #expect(result.pools.isEmpty && result.yaml.isEmpty)
    #expect(result.remarks.map(\.kind) == [.lost, .lost])
    #expect(result.lines[0].hasPrefix("o.yaml:7: Eip lan: '\(address)' is left out: "))
    #expect(
      result.lines.last
        == "o.yaml:7: Eip lan: is left out: it has no address that could be used; correct its addresses"
    )
    let two = try imported(
      Objects.pool(addresses: "['\(address)', 192.0.2.7]"), Objects.advertisement())
    #expect(two.pools.first?.spec.addresses == ["192.0.2.7"])
    #expect(two.lines.count == 1 && two.lines[0].contains(problem), "\(two.lines)")
    #expect(two.lines.first?.hasPrefix("1.yaml:7: IPAddressPool lan: '") == true)
  }

  @Test func `layer 2 is served here, BGP is not`() throws {
    let layer2 = try pool(Objects.eip(metadata: Objects.isDefault, protocol: "layer2"))
    #expect(
      layer2.notes == [
        "o.yaml:8: note: Eip lan: 'protocol: layer2': here the node that serves an address has it on "
          + "its interface, and VRRP elects that node"
      ])
    let bgp =
      "its addresses are announced by BGP ('protocol: bgp', which is the default); keep OpenELB for "
      + "them, or import a copy with 'protocol: vip' if they belong to the nodes' own subnet"
    for (word, line) in [("bgp", 8), ("''", 8), ("null", 1)] {
      let result = try imported(Objects.eip(metadata: Objects.isDefault, protocol: word))
      #expect(result.pools.isEmpty)
      if word == "''" {
        #expect(result.lines.count == 1 && result.lines[0].contains("'protocol' is a text"))
      } else {
        #expect(result.lines == ["o.yaml:\(line): Eip lan: is left out: \(bgp)"])
      }
    }
    #expect(
      try imported(Objects.eip(protocol: "rip")).lines == [
        "o.yaml:8: Eip lan: is left out: 'protocol' is vip, layer2 or bgp, found 'rip'; correct it"
      ])
  }

  @Test func `the interface by its name, or by what it reaches`() throws {
    let named = try pool(Objects.eip("interface: ens3", metadata: Objects.isDefault))
    #expect(named.spec.interface == "ens3" && named.notes.isEmpty)
    let reaching = try pool(
      Objects.eip("interface: can_reach:192.0.2.1", metadata: Objects.isDefault))
    #expect(reaching.spec.interface == nil)
    #expect(
      reaching.notes == [
        "o.yaml:9: note: Eip lan: 'interface: can_reach:192.0.2.1' is left out: each node takes the "
          + "interface whose subnet has the address; name one in 'interface' if several do"
      ])
    let bad = try imported(Objects.eip("interface: 'eth0 eth1'"))
    #expect(
      bad.lines == [
        "o.yaml:9: Eip lan: is left out: 'eth0 eth1' can't be the name of an interface; correct it"
      ])
  }

  @Test func `namespaces`() throws {
    let note =
      "note: Eip lan: Services of other namespaces don't get the addresses here even if they name the "
      + "pool or an address"
    let names = try pool(Objects.eip("namespaces: [web, mail, web]"))
    #expect(names.spec.namespaces == ["web", "mail"] && names.spec.autoAssign)
    #expect(names.notes == ["o.yaml:9: \(note)"])
    let labels = try pool(Objects.eip("namespaceSelector: {team: a, tier: ''}"))
    #expect(
      labels.spec.namespaceSelector == LabelSelector(matchLabels: ["team": "a", "tier": ""]))
    #expect(labels.spec.namespaces.isEmpty && labels.spec.autoAssign)
    #expect(labels.notes == ["o.yaml:9: \(note)"])

    let both = try imported(Objects.eip("namespaces: [web]", "namespaceSelector: {team: a}"))
    #expect(both.pools.first?.spec.namespaces == ["web"])
    #expect(both.pools.first?.spec.namespaceSelector == nil)
    #expect(
      both.lines == [
        "o.yaml:9: \(note)",
        "o.yaml:10: Eip lan: 'namespaceSelector' is left out: with 'namespaces' beside it, it would have "
          + "to choose these namespaces, too; add the names of those that it chooses to 'namespaces'",
      ])

    let bad = try imported(
      Objects.eip("namespaces: [Web]"), Objects.eip("namespaceSelector: {a b: c}"))
    #expect(
      bad.lines == [
        "1.yaml:9: Eip lan: is left out: 'Web' can't be the name of a namespace; correct it",
        "2.yaml:9: Eip lan: is left out: 'a b: c' can't be a label; correct it",
      ])
  }

  @Test func `a default for some namespaces is one for all`() throws {
    let result = try imported(
      Objects.eip("namespaces: [web]", metadata: Objects.isDefault))
    #expect(
      result.pools.first?.spec.namespaces == [] && result.pools.first?.spec.autoAssign == true)
    #expect(result.remarks.map(\.kind) == [.note, .lost])
    #expect(result.lines.first?.hasPrefix("o.yaml:9: Eip lan: it is the default of all") == true)
  }

  @Test func `what is neither the default nor for some namespaces has to be named`() throws {
    let note =
      "o.yaml:1: note: Eip lan: becomes 'autoAssign: false', since it is neither the default nor for "
      + "some namespaces: only Services that name the pool or an address get one"
    for metadata in ["labels: {}", Objects.isDefault.replacing("true", with: "false")] {
      let (spec, notes) = try pool(Objects.eip(metadata: metadata))
      #expect(!spec.autoAssign && notes == [note])
    }
  }

  @Test func `what is switched off stays so, but for Services that name it`() throws {
    let off = try imported(Objects.eip("disable: true", metadata: Objects.isDefault))
    #expect(off.pools.first?.spec.autoAssign == false)
    #expect(
      off.lines == [
        "o.yaml:9: Eip lan: 'disable: true' becomes 'autoAssign: false': Services that name the pool or "
          + "an address still get one; close it with 'serviceSelector' once its Services have moved"
      ])
    let on = try pool(Objects.eip("disable: false", metadata: Objects.isDefault))
    #expect(on.spec.autoAssign && on.notes.isEmpty)
  }

  @Test func `pools are taken by their priority, the default last`() throws {
    let result = try imported(
      Objects.eip("priority: 7", "namespaces: [web]", name: "a", address: "192.0.2.1"),
      Objects.eip("priority: 3", name: "b", address: "192.0.2.2", metadata: Objects.isDefault),
      Objects.eip("priority: -2", "namespaces: [web]", name: "c", address: "192.0.2.3"),
      Objects.eip(name: "d", address: "192.0.2.4"))
    #expect(result.pools.map(\.metadata.name) == ["a", "b", "c", "d"])
    #expect(result.pools.map(\.spec.order) == [7, 8, -2, 0])
    let alone = try pool(Objects.eip("priority: 3", metadata: Objects.isDefault))
    #expect(alone.spec.order == 0)
    let far = try imported(Objects.eip("priority: 2000000", "namespaces: [web]"))
    #expect(far.pools.first?.spec.order == 1_000_000)
    #expect(
      far.lines.contains(
        "o.yaml:9: Eip lan: 'priority: 2000000' becomes 'order: 1000000', which is the utmost"))
  }

  @Test func `what OpenELB does not use, what it says of itself, and what is new`() throws {
    let known = try pool(
      Objects.eip("usingKnownIPs: true", metadata: Objects.isDefault)
        + "status: {occupied: false, usage: 1, used: {192.0.2.100: default/web}, ready: true}\n")
    #expect(
      known.notes == [
        "o.yaml:9: note: Eip lan: 'usingKnownIPs' needs no equivalent; OpenELB itself does not use it"
      ])
    #expect(
      try pool(Objects.eip("usingKnownIPs: false", metadata: Objects.isDefault)).notes.isEmpty)
    let new = try imported(Objects.eip("vrid: 7", metadata: Objects.isDefault))
    #expect(
      new.lines == [
        "o.yaml:9: Eip lan: 'vrid' in spec has no equivalent that is known; look up what it is for, and "
          + "whether the pool goes without it"
      ])
  }

  @Test func `labels and annotations`() throws {
    let metadata =
      "{labels: {team: a}, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{}', "
      + "eip.openelb.kubesphere.io/is-default-eip: 'true', eip.openelb.kubesphere.io/other: x, note: y}}"
    let text = Objects.eip().replacing(
      "metadata:\n  name: lan\n  labels: {}", with: "metadata: {name: lan, \(metadata.dropFirst())")
    let result = try imported(text)
    #expect(
      result.lines == [
        "o.yaml:1: note: Eip lan: labels and annotations are not carried over ('team', 'note'); add "
          + "those to the pool that another program reads",
        "o.yaml:3: Eip lan: annotation 'eip.openelb.kubesphere.io/other' has no equivalent that is known; "
          + "look up what it is for",
      ])
  }

  @Test(arguments: [
    ("disable: 'true'", "'disable' is true or false, found the text 'true'"),
    ("disable: 1", "'disable' is true or false, found '1'"),
    ("usingKnownIPs: {}", "'usingKnownIPs' is true or false, found a mapping"),
    ("priority: high", "'priority' is a whole number, found 'high'"),
    ("priority: '1'", "'priority' is a whole number, found the text '1'"),
    ("priority: 99999999999999999999", "'priority' is a whole number"),
    ("namespaces: web", "'namespaces' is a list, such as [web, mail], found 'web'"),
    ("namespaces: [{}]", "'namespaces' is a list of texts, such as [web, mail], with a mapping"),
    ("namespaceSelector: [a]", "'namespaceSelector' is a mapping, found a list"),
    ("namespaceSelector: {a: [b]}", "'a' is a text, found a list"),
    ("interface: [eth0]", "'interface' is a text, such as eth0, found a list"),
  ])
  func `a value of another type leaves the pool out`(line: String, problem: String) throws {
    let result = try imported(Objects.eip(line, metadata: Objects.isDefault))
    #expect(result.pools.isEmpty && result.lines.count == 1)
    #expect(
      result.lines.first?.hasPrefix("o.yaml:9: Eip lan: is left out: \(problem)") == true,
      "\(result.lines)")
    #expect(result.lines.first?.hasSuffix("; correct it") == true)
  }

  @Test func `an absent value is none`() throws {
    let text = Objects.eip(
      "interface: null", "disable: ~", "priority:", "namespaces: null", metadata: Objects.isDefault)
    let (spec, notes) = try pool(text)
    #expect(spec == AddressPool.Spec(addresses: ["192.0.2.100-192.0.2.150"]) && notes.isEmpty)
    let none = try imported(
      "apiVersion: network.kubesphere.io/v1alpha2\nkind: Eip\nmetadata: {name: a}\n")
    #expect(none.pools.isEmpty && none.lines.count == 1)
  }

  @Test func `names that a pool can't have`() throws {
    let long = String(repeating: "a", count: 56)
    #expect(try imported(Objects.eip(name: String(long.dropFirst()))).pools.count == 1)
    let result = try imported(
      Objects.eip(name: long), Objects.eip(name: "Lan"), Objects.eip(name: "''"))
    #expect(result.pools.isEmpty)
    #expect(
      result.lines == [
        "1.yaml:1: Eip \(long): is left out: the name of a pool has 55 characters at most, and '\(long)' "
          + "has 56; import a copy with a shorter one",
        "2.yaml:1: Eip Lan: is left out: 'Lan' can't be the name of an object; give it a name of small "
          + "letters, digits and hyphens",
        "3.yaml:1: Eip : is left out: '' can't be the name of an object; give it a name of small letters, "
          + "digits and hyphens",
      ])
  }

  @Test func `other versions and kinds of OpenELB`() throws {
    let old = Objects.eip().replacing("v1alpha2", with: "v1alpha1")
    let peer = Objects.eip(name: "peer").replacing("kind: Eip", with: "kind: BgpPeer")
    #expect(
      try imported(old, peer).lines == [
        "1.yaml:1: Eip lan: is left out: only Eips of network.kubesphere.io/v1alpha2 are read; have "
          + "OpenELB 0.4 or newer convert it",
        "2.yaml:1: BgpPeer peer: nothing is announced by BGP here; keep OpenELB for addresses that need "
          + "it",
      ])
  }
}
