import Testing
import VIPKubernetes
import VIPKubernetesImport

/// What advertisements of MetalLB say about pools.
@Suite struct AdvertisementTests: ImportSuite {
  private static let nodeA = "[{matchLabels: {kubernetes.io/hostname: node-a}}]"
  private static let nodeB = "[{matchLabels: {kubernetes.io/hostname: node-b}}]"

  private func spec(_ texts: String...) throws -> AddressPool.Spec {
    let result = try imported(([Objects.pool()] + texts).joined(separator: "---\n"))
    #expect(result.remarks.isEmpty, "\(result.lines)")
    return try #require(result.pools.first).spec
  }

  @Test func `nodes and an interface`() throws {
    let spec = try spec(
      Objects.advertisement("nodeSelectors: \(Self.nodeA)", "interfaces: [eth0, eth0]"))
    #expect(spec.nodeSelector == LabelSelector(matchLabels: ["kubernetes.io/hostname": "node-a"]))
    #expect(spec.interface == "eth0")
  }

  @Test func `an advertisement may stand in another file, before or behind its pool`() throws {
    let advertisement = Objects.advertisement("interfaces: [eth0]")
    for texts in [[Objects.pool(), advertisement], [advertisement, Objects.pool()]] {
      let result = try imported(texts[0], texts[1])
      #expect(result.pools.first?.spec.interface == "eth0" && result.remarks.isEmpty)
    }
  }

  @Test func `several that select a pool add up`() throws {
    let spec = try spec(
      Objects.advertisement("nodeSelectors: \(Self.nodeA)"),
      Objects.advertisement("nodeSelectors: \(Self.nodeB)"))
    #expect(
      spec.nodeSelector
        == LabelSelector(matchExpressions: [
          .init(key: "kubernetes.io/hostname", operator: "In", values: ["node-a", "node-b"])
        ]))
    let all = try self.spec(
      Objects.advertisement("nodeSelectors: \(Self.nodeA)"), Objects.advertisement())
    #expect(all.nodeSelector == LabelSelector())
    let empty = try self.spec(Objects.advertisement("nodeSelectors: [{}]"))
    #expect(empty.nodeSelector == LabelSelector())
  }

  @Test func `nodes that no one selector chooses`() throws {
    let result = try imported(
      Objects.pool(),
      Objects.advertisement("nodeSelectors: [{matchLabels: {a: b}}, {matchLabels: {c: d}}]"))
    #expect(result.pools.first?.spec.nodeSelector == LabelSelector(matchLabels: ["a": "b"]))
    #expect(
      result.lines == [
        "1.yaml:1: IPAddressPool lan: of several 'nodeSelectors' only the first is taken: a pool has one "
          + "'nodeSelector'; give all those nodes a label and choose them by it"
      ])
  }

  @Test func `several interfaces`() throws {
    let several = try imported(
      Objects.pool(), Objects.advertisement("interfaces: [eth0, eth1]"))
    #expect(several.pools.first?.spec.interface == nil)
    #expect(
      several.lines == [
        "1.yaml:1: IPAddressPool lan: several 'interfaces' of L2Advertisement adv are left out: each node "
          + "takes the one whose subnet has the address; if that is wrong make a pool with 'interface' "
          + "and 'nodeSelector' for each kind of nodes"
      ])
    let different = try imported(
      Objects.pool(), Objects.advertisement("interfaces: [eth0]"),
      Objects.advertisement("interfaces: [eth1]"))
    #expect(different.pools.first?.spec.interface == nil)
    #expect(
      different.lines == [
        "1.yaml:1: IPAddressPool lan: its advertisements name different 'interfaces', which are left out: "
          + "each node takes the interface whose subnet has the address; make a pool for each of them if "
          + "that is wrong"
      ])
  }

  @Test func `pools are selected by name or label`() throws {
    let pools = [
      Objects.pool(name: "a", addresses: "[192.0.2.1/32]"),
      Objects.pool(
        name: "b", addresses: "[192.0.2.2/32]", metadata: "labels: {team: b}"),
      Objects.pool(name: "c", addresses: "[192.0.2.3/32]"),
    ].joined(separator: "---\n")
    let result = try imported(
      pools,
      Objects.advertisement(
        "ipAddressPools: [a]", "ipAddressPoolSelectors: [{matchLabels: {team: b}}]"))
    #expect(result.pools.map(\.metadata.name) == ["a", "b"])
    #expect(
      result.lines.last
        == "1.yaml:17: IPAddressPool c: is left out: no L2Advertisement selects it, so that its addresses "
        + "are not announced; import it with one that does")
    let unknown = try imported(
      Objects.pool(), Objects.advertisement("ipAddressPools: [lan, wan]"))
    #expect(
      unknown.lines == [
        "2.yaml:5: L2Advertisement adv: there is no IPAddressPool 'wan' among the objects; import it "
          + "together with this one"
      ])
  }

  @Test func `without any it is said once that one may be missing`() throws {
    let result = try imported(
      Objects.pool(name: "a", addresses: "[192.0.2.1/32]"),
      Objects.pool(name: "b", addresses: "[192.0.2.2/32]"))
    #expect(result.pools.count == 2)
    #expect(
      result.lines == [
        "1.yaml:1: note: IPAddressPool a: no L2Advertisement was given, which says on which nodes and "
          + "interfaces addresses are announced; import it together with the pools if there is one"
      ])
  }

  @Test func `BGP`() throws {
    let bgp = Objects.advertisement("ipAddressPools: [lan]", kind: "BGPAdvertisement")
    let alone = try imported(Objects.pool(), bgp)
    #expect(alone.pools.isEmpty)
    #expect(
      alone.lines == [
        "1.yaml:1: IPAddressPool lan: is left out: its addresses are announced by BGP (BGPAdvertisement "
          + "adv); keep MetalLB for them, or make an L2Advertisement for it first if they belong to the "
          + "nodes' own subnet"
      ])
    let both = try imported(Objects.pool(), bgp, Objects.advertisement())
    #expect(both.pools.count == 1)
    #expect(
      both.lines == [
        "1.yaml:1: IPAddressPool lan: its addresses are also announced by BGP (BGPAdvertisement adv), "
          + "which is not done here; see whether routers need that"
      ])
    let other = try imported(
      Objects.pool(),
      Objects.advertisement("ipAddressPools: [wan]", kind: "BGPAdvertisement"),
      Objects.advertisement())
    #expect(other.pools.count == 1 && other.remarks.isEmpty)
  }

  @Test func `fields of newer versions`() throws {
    let result = try imported(
      Objects.pool(),
      Objects.advertisement(
        "preferredNodeSelectors: [{weight: 1}]", "serviceSelectors: [{}]", "color: red"))
    #expect(result.pools.count == 1)
    #expect(
      result.lines == [
        "2.yaml:5: L2Advertisement adv: 'preferredNodeSelectors' has no equivalent: addresses are spread "
          + "evenly over the nodes of 'nodeSelector', and come back there after a failure unless "
          + "'preempt' is false",
        "2.yaml:6: L2Advertisement adv: 'serviceSelectors' of an advertisement has no equivalent; say in "
          + "'serviceSelector' of the pool which Services may have its addresses",
        "2.yaml:7: L2Advertisement adv: 'color' in spec has no equivalent that is known; look up what it "
          + "is for, and whether the pool goes without it",
      ])
  }

  @Test func `one that makes no sense selects nothing`() throws {
    let bad = Objects.advertisement("interfaces: eth0")
    let alone = try imported(Objects.pool(), bad)
    #expect(
      alone.lines.last
        == "2.yaml:5: L2Advertisement adv: is left out: 'interfaces' is a list, such as [eth0], found "
        + "'eth0'; correct it")
    #expect(alone.pools.isEmpty)
    #expect(try imported(Objects.pool(), bad, Objects.advertisement()).pools.count == 1)
  }
}
