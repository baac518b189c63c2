import KubernetesClient
import Testing
import VIPKubernetes
import VIPKubernetesImport

/// Files as kubectl prints them, and as people write them.
@Suite struct ReadingTests: ImportSuite {
  /// Lines moved in, as an element of a list.
  private static func element(_ text: String) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: true)
    return lines.enumerated().map { ($0.offset == 0 ? "- " : "  ") + $0.element + "\n" }.joined()
  }

  @Test func `a list, as kubectl get prints several objects`() throws {
    let text =
      "apiVersion: v1\nitems:\n" + Self.element(Objects.eip(name: "a", address: "192.0.2.1"))
      + Self.element(Objects.eip(name: "b", address: "192.0.2.2"))
      + "kind: List\nmetadata:\n  resourceVersion: \"\"\n"
    let result = try imported(text)
    #expect(result.pools.map(\.metadata.name) == ["a", "b"])
    #expect(result.yaml.contains("# From Eip a, o.yaml:3.\n"))
    #expect(result.yaml.contains("---\n# From Eip b, o.yaml:11.\n"))
  }

  @Test func `a list of one kind need not repeat it`() throws {
    let text = """
      apiVersion: network.kubesphere.io/v1alpha2
      kind: EipList
      items:
      - metadata: {name: a}
        spec: {address: 192.0.2.1, protocol: vip}
      """
    #expect(try imported(text).pools.map(\.metadata.name) == ["a"])
  }

  @Test func `JSON, on one line and on several`() throws {
    let object =
      #"{"apiVersion":"network.kubesphere.io/v1alpha2","kind":"Eip","metadata":{"name":"a","#
      + #""annotations":{"eip.openelb.kubesphere.io\/is-default-eip":"true","x":"\u003cé\t\n\"&"}},"#
      + #""spec":{"address":"192.0.2.1","protocol":"vip","disable":false,"priority":3,"interface":null}}"#
    let list = #"{"apiVersion":"v1","kind":"List","items":["# + object + "]}"
    for text in [object, list, object.replacing(",\"", with: ",\n\t\"")] {
      let result = try imported(text)
      #expect(result.pools.map(\.spec) == [AddressPool.Spec(addresses: ["192.0.2.1"])])
      #expect(result.remarks.allSatisfy { $0.kind == .note })
    }
  }

  @Test func `several documents, empty ones and comments`() throws {
    let text =
      "# pools\n---\n---\n" + Objects.eip(name: "a", address: "192.0.2.1") + "---\n# nothing\n---\n"
      + Objects.eip(name: "b", address: "192.0.2.2") + "...\n---\nnull\n"
    #expect(try imported(text).pools.map(\.metadata.name) == ["a", "b"])
  }

  @Test func `objects of other kinds are counted`() throws {
    let other = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
    let map = Objects.kubevip("cidr-global: 192.0.2.8/31").replacing("kubevip", with: "others")
    let result = try imported([other, other, map, Objects.eip()].joined(separator: "---\n"))
    #expect(result.pools.count == 1)
    #expect(
      result.lines.first
        == "o.yaml:1: note: 3 objects of other kinds are skipped (ConfigMap, Deployment)")
    #expect(result.remarks.allSatisfy { $0.kind == .note })
    let one = try imported(other, Objects.eip())
    #expect(one.lines.first == "1.yaml:1: note: 1 object of other kinds is skipped (Deployment)")
  }

  @Test func `names that come twice, and addresses of two programs`() throws {
    let result = try imported(
      Objects.eip(), Objects.pool(addresses: "[198.51.100.1/32]"),
      Objects.pool(name: "other", addresses: "[192.0.2.150-192.0.2.160]"),
      Objects.advertisement())
    #expect(result.pools.map(\.metadata.name) == ["lan", "other"])
    #expect(
      result.remarks.filter { $0.kind == .lost }.map(\.line) == [
        "2.yaml:1: IPAddressPool lan: is left out: a pool 'lan' comes from Eip lan, 1.yaml:1 already; "
          + "import a copy with another name",
        "3.yaml:1: IPAddressPool other: pool other and pool lan both have 192.0.2.150; take it out of "
          + "one of them",
      ])
  }

  @Test func `overlaps are found across blocks that lie within others`() throws {
    let result = try imported(
      Objects.pool(name: "a", addresses: "[192.0.2.0-192.0.2.99]"),
      Objects.pool(name: "b", addresses: "[192.0.2.10/32, 192.0.2.20/32]"),
      Objects.pool(name: "c", addresses: "[192.0.2.90-192.0.2.110, '2001:db8::1/128']"),
      Objects.pool(name: "d", addresses: "[192.0.2.111/32, '2001:db8::2/128']"),
      Objects.advertisement())
    #expect(
      result.lines == [
        "2.yaml:1: IPAddressPool b: pool b and pool a both have 192.0.2.10; take it out of one of them",
        "3.yaml:1: IPAddressPool c: pool c and pool a both have 192.0.2.90-192.0.2.99; take it out of "
          + "one of them",
      ])
  }

  @Test(arguments: [
    ("", "o.yaml: there is no object in it"), ("# nothing\n", "o.yaml: there is no object in it"),
    ("---\n", "o.yaml: there is no object in it"),
    ("apiVersion: v1\nkind: List\nitems: []\n", "o.yaml: there is no object in it"),
    ("apiVersion: a/v1\nkind: EipList\nmetadata: {}\n", "o.yaml: there is no object in it"),
    ("apiVersion: v1\nkind: Pod\n", "o.yaml: there is none of these in it"),
    (
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n",
      "o.yaml: there is none of these in it"
    ),
    ("apiVersion: kube-dc.com/v1\nkind: Eip\n", "o.yaml: there is none of these in it"),
  ])
  func `nothing to import`(text: String, beginning: String) throws {
    #expect(
      try refusal(text)
        == "\(beginning): an Eip of OpenELB, an IPAddressPool of MetalLB, or the ConfigMap kubevip of "
        + "kube-vip; nothing to import")
  }

  @Test(arguments: [
    (
      "hello",
      "o.yaml:1: this is no object of Kubernetes but 'hello'; give objects as 'kubectl get -o "
        + "yaml' prints them"
    ),
    (
      "a: 1\n---\n- b\n",
      "o.yaml:1: this is no object of Kubernetes: it has no 'apiVersion' or no "
        + "'kind'; give objects as 'kubectl get -o yaml' prints them"
    ),
    (
      "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n- [a]\n",
      "o.yaml:6: this is no object of Kubernetes but a list; give objects as 'kubectl get -o yaml' "
        + "prints them"
    ),
    (
      "apiVersion: v1\nkind: List\nitems: {}\n",
      "o.yaml:3: 'items' of a List is a list of objects, which are no lists themselves; give objects as "
        + "'kubectl get -o yaml' prints them"
    ),
    ("a: [1\n", "o.yaml:2:1: not valid YAML: did not find expected ',' or ']'"),
    ("a:\n\tb: 1\n", "o.yaml:2:1: not valid YAML: indent with spaces, not with tabs"),
    ("a: 1\na: 2\n", "o.yaml:1:1: the field 'a' is given twice; remove one of them"),
    ("? [a]\n: 1\n", "o.yaml:1: the name of a field is one word, found a list"),
    ("a: *b\n", "o.yaml:1:4: not valid YAML: found undefined alias"),
  ])
  func `no objects`(text: String, expected: String) throws {
    let line = try refusal(text)
    #expect(line.hasPrefix(expected), "\(line)")
  }

  @Test func `the lines of remarks are those of several files in their order`() throws {
    let result = try imported(
      Objects.eip("b: 1", "a: 2", name: "z", metadata: Objects.isDefault),
      Objects.eip("c: 3", name: "y", address: "192.0.2.1"))
    #expect(
      result.lines.map { $0.prefix { $0 != "'" } } == [
        "1.yaml:9: Eip z: ", "1.yaml:10: Eip z: ", "2.yaml:1: note: Eip y: becomes ",
        "2.yaml:9: Eip y: ",
      ])
  }

  @Test func `names in messages can't break lines`() throws {
    let source = ImportSource(
      name: "a\nb\u{202E}.yaml", bytes: Array(Objects.eip("\"x\\ny\": 1").utf8))
    let result = try PoolImport([source])
    for remark in result.remarks {
      #expect(!remark.line.contains("\n") && remark.line.hasPrefix("a\\u{a}b\\u{202e}.yaml:"))
    }
    #expect(result.yaml.hasPrefix("# From Eip lan, a\\u{a}b\\u{202e}.yaml:1.\napiVersion:"))
    let error = #expect(throws: PoolImportError.self) {
      try PoolImport([ImportSource(name: "a\nb", bytes: Array("\"x\\ty\"".utf8))])
    }
    #expect(
      error?.description.hasPrefix("a\\u{a}b:1: this is no object of Kubernetes but the text")
        == true)
    #expect(error?.description.contains("\t") == false)
  }
}
