import Testing
import VIPKubernetes
import VIPKubernetesImport

/// Each key of the ConfigMap of kube-vip's cloud provider.
@Suite struct KubeVIPTests: ImportSuite {
  @Test func `a pool for all, and one for a namespace`() throws {
    let result = try imported(
      Objects.kubevip(
        "range-global: 192.0.2.100-192.0.2.150,2001:db8::1-2001:db8::f",
        "range-web: 192.0.2.10-192.0.2.20", "range-mail: 192.0.2.30-192.0.2.40"))
    #expect(
      result.yaml == """
        # From ConfigMap kubevip, o.yaml:5.
        apiVersion: vipctl.io/v1alpha1
        kind: AddressPool
        metadata:
          name: kubevip-global
        spec:
          addresses: ["192.0.2.100-192.0.2.150", "2001:db8::1-2001:db8::f"]
          namespaceSelector:
            matchExpressions:
              - key: kubernetes.io/metadata.name
                operator: NotIn
                values: [web, mail]
        ---
        # From ConfigMap kubevip, o.yaml:6.
        apiVersion: vipctl.io/v1alpha1
        kind: AddressPool
        metadata:
          name: kubevip-web
        spec:
          addresses: ["192.0.2.10-192.0.2.20"]
          namespaces: [web]
        ---
        # From ConfigMap kubevip, o.yaml:7.
        apiVersion: vipctl.io/v1alpha1
        kind: AddressPool
        metadata:
          name: kubevip-mail
        spec:
          addresses: ["192.0.2.30-192.0.2.40"]
          namespaces: [mail]

        """)
    #expect(result.remarks.isEmpty)
  }

  @Test func `networks, with their ends or without`() throws {
    let cidr = "cidr-global: 192.0.2.220/29, 192.0.3.7/32,192.0.3.10/31,2001:db8::/120"
    let whole = try pool(Objects.kubevip(cidr))
    #expect(
      whole.spec.addresses == [
        "192.0.2.216-192.0.2.223", "192.0.3.7", "192.0.3.10-192.0.3.11", "2001:db8::-2001:db8::ff",
      ])
    #expect(whole.notes.count == 1 && whole.notes[0].contains("192.0.2.216/29 becomes the range"))
    #expect(try pool(Objects.kubevip(cidr, "skip-end-ips-in-cidr: 'false'")).spec == whole.spec)
    let skipped = try pool(Objects.kubevip(cidr, "skip-end-ips-in-cidr: 'true'"))
    #expect(
      skipped.spec.addresses == [
        "192.0.2.216/29", "192.0.3.7", "192.0.3.10-192.0.3.11", "2001:db8::-2001:db8::ff",
      ])
    #expect(
      skipped.notes.count == 1 && skipped.notes[0].contains("2001:db8::/120 becomes the range"))
  }

  @Test func `networks come before ranges, also those of all`() throws {
    let result = try imported(
      Objects.kubevip(
        "cidr-global: 192.0.2.8/31", "range-global: 192.0.2.100-192.0.2.150",
        "range-web: 192.0.2.10-192.0.2.20", "cidr-mail: 192.0.2.6/31",
        "range-mail: 192.0.2.30-192.0.2.40"))
    #expect(result.pools.map(\.metadata.name) == ["kubevip-global", "kubevip-mail"])
    #expect(
      result.pools.map(\.spec.addresses) == [["192.0.2.8-192.0.2.9"], ["192.0.2.6-192.0.2.7"]])
    let unused = "kube-vip does not use it either, since"
    let rest = "comes first; add its addresses to a pool if you want them"
    #expect(
      result.lines == [
        "o.yaml:6: ConfigMap kubevip: 'range-global' is left out: \(unused) 'cidr-global' \(rest)",
        "o.yaml:7: ConfigMap kubevip: 'range-web' is left out: \(unused) 'cidr-global' \(rest)",
        "o.yaml:9: ConfigMap kubevip: 'range-mail' is left out: \(unused) 'cidr-mail' \(rest)",
      ])
  }

  @Test func `interfaces`() throws {
    let result = try imported(
      Objects.kubevip(
        "range-global: 192.0.2.1-192.0.2.2", "range-web: 192.0.2.3-192.0.2.4",
        "range-mail: 192.0.2.5-192.0.2.6", "interface-global: eth0", "interface-web: eth1",
        "interface-dns: eth2"))
    #expect(result.pools.map(\.spec.interface) == ["eth0", "eth1", "eth0"])
    #expect(
      result.lines == [
        "o.yaml:10: ConfigMap kubevip: 'interface-dns' is left out: the namespace has no addresses of its "
          + "own, and a pool has one interface; make a pool for the namespace"
      ])
    let bad = try imported(
      Objects.kubevip("range-global: 192.0.2.1-192.0.2.2", "interface-global: a b"))
    #expect(bad.pools.isEmpty)
    #expect(
      bad.lines == [
        "o.yaml:6: ConfigMap kubevip: 'range-global' is left out: 'a b' can't be the name of an "
          + "interface; correct it"
      ])
  }

  @Test func `what has no equivalent`() throws {
    let result = try imported(
      Objects.kubevip(
        "range-global: 192.0.2.1-192.0.2.2", "search-order: desc", "allow-share-global: 'true'",
        "allow-share-web: 'false'", "color: red", "cidr-: 192.0.2.8/31", "range-A: 192.0.2.9"))
    #expect(result.pools.count == 1)
    #expect(
      result.lines == [
        "o.yaml:6: ConfigMap kubevip: 'search-order: desc' has no equivalent: the lowest free address is "
          + "given; name the address in the annotation vipctl.io/addresses where it matters",
        "o.yaml:7: ConfigMap kubevip: 'allow-share-global' has no equivalent: Services share an address "
          + "only if they say so; give those that are to the same annotation vipctl.io/sharing-key",
        "o.yaml:9: ConfigMap kubevip: 'color' has no equivalent that is known; look up what it is for",
        "o.yaml:10: ConfigMap kubevip: 'cidr-' has no equivalent that is known; look up what it is for",
        "o.yaml:11: ConfigMap kubevip: 'range-A' has no equivalent that is known; look up what it is for",
      ])
    let usual = try pool(
      Objects.kubevip("range-global: 192.0.2.1-192.0.2.2", "search-order: asc"))
    #expect(usual.notes.isEmpty)
  }

  @Test(arguments: ["0.0.0.0/32", "0.0.0.0", "192.0.2.8/31,0.0.0.0/32"])
  func `addresses by DHCP`(value: String) throws {
    let result = try imported(Objects.kubevip("cidr-global: \(value)", "range-web: 192.0.2.9"))
    #expect(
      result.lines.first
        == "o.yaml:5: ConfigMap kubevip: 'cidr-global' is left out: it asks DHCP for addresses, which is "
        + "not done here; name addresses instead")
  }

  @Test func `values that can't be right`() throws {
    let result = try imported(
      Objects.kubevip("cidr-web: [192.0.2.8/31]", "cidr-mail: here,192.0.2.6/31", "cidr-dns: ','"))
    #expect(result.pools.map(\.spec.addresses) == [["192.0.2.6-192.0.2.7"]])
    #expect(
      result.lines == [
        "o.yaml:5: ConfigMap kubevip: 'cidr-web' is left out: 'cidr-web' is a text, such as 192.0.2.0/24, "
          + "found a list; correct it",
        "o.yaml:6: ConfigMap kubevip: 'here' is left out: it is neither an address, nor a range as "
          + "192.0.2.10-192.0.2.20, nor a network as 192.0.2.0/24",
        "o.yaml:7: ConfigMap kubevip: 'cidr-dns' is left out: it has no address that could be used; "
          + "correct its addresses",
      ])
    let list = try imported(
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kubevip}\ndata: []\n")
    #expect(
      list.lines == [
        "o.yaml:4: ConfigMap kubevip: is left out: 'data' is a mapping, found a list; correct it"
      ])
    let long = String(repeating: "a", count: 48)
    let name = try imported(Objects.kubevip("cidr-\(long): 192.0.2.8/31"))
    #expect(name.pools.isEmpty && name.lines.count == 1)
    #expect(name.lines[0].contains("the name of a pool has 55 characters at most"))
  }

  @Test func `ranges that overlap, in one pool and in several`() throws {
    let same = try pool(
      Objects.kubevip("range-global: 192.0.2.10-192.0.2.11,192.0.2.10-192.0.2.13"))
    #expect(same.spec.addresses.count == 2 && same.notes.isEmpty)
    let several = try imported(
      Objects.kubevip(
        "range-global: 192.0.2.10-192.0.2.20", "range-web: 192.0.2.15-192.0.2.30",
        "range-mail: 192.0.2.25-192.0.2.26"))
    #expect(several.pools.count == 3)
    #expect(
      several.lines == [
        "o.yaml:6: ConfigMap kubevip: pool kubevip-web and pool kubevip-global both have "
          + "192.0.2.15-192.0.2.20; take it out of one of them",
        "o.yaml:7: ConfigMap kubevip: pool kubevip-mail and pool kubevip-web both have "
          + "192.0.2.25-192.0.2.26; take it out of one of them",
      ])
  }
}
