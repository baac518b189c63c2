import KubernetesClient
import ManifestChecks
import Testing
import VIPKubernetes
import VIPKubernetesImport
import VIPKubernetesManifests

/// Tests that translate the text of files.
protocol ImportSuite {}

extension ImportSuite {
  /// Translates files called `1.yaml`, `2.yaml` and so on, or only one that is called `o.yaml`, and
  /// checks that an API server would take what comes out, and would say the same.
  func imported(_ texts: String...) throws -> PoolImport {
    let sources = texts.enumerated().map { index, text in
      ImportSource(
        name: texts.count == 1 ? "o.yaml" : "\(index + 1).yaml", bytes: Array(text.utf8))
    }
    let result = try PoolImport(sources)
    let documents = try JSONValue.documents(in: result.yaml)
    #expect(documents.count == result.pools.count)
    let definition = try #require(Manifests().definitions.first { $0.kind == "AddressPool" })
    for (document, pool) in zip(documents, result.pools) {
      #expect(document["apiVersion"] == "vipctl.io/v1alpha1")
      #expect(document["kind"] == "AddressPool")
      #expect(SchemaCheck.problems(of: document, definition.schema, at: "") == [])
      let read = try ObjectReader.read(AddressPool.self, from: document.encoded())
      #expect(read.metadata.name == pool.metadata.name && read.spec == pool.spec)
      #expect(pool.metadata.name.utf8.count <= 55)
    }
    return result
  }

  /// The only pool of a file, of which all is carried over, with its remarks.
  func pool(_ text: String) throws -> (spec: AddressPool.Spec, notes: [String]) {
    let result = try imported(text)
    #expect(result.remarks.allSatisfy { $0.kind == .note }, "\(result.lines)")
    #expect(result.pools.count == 1)
    return (try #require(result.pools.first).spec, result.lines)
  }

  /// Why nothing can be imported.
  func refusal(_ text: String) throws -> String {
    let error = #expect(throws: PoolImportError.self) {
      try PoolImport([ImportSource(name: "o.yaml", bytes: Array(text.utf8))])
    }
    return try #require(error).description
  }
}

extension PoolImport {
  /// The lines of the remarks, but for the one about OpenELB's virtual routers.
  var lines: [String] {
    remarks.filter { !$0.text.hasPrefix("OpenELB's virtual routers") }.map(\.line)
  }
}

/// Objects with their fields from a line on.
enum Objects {
  /// An Eip; further lines of `spec` begin at line 9.
  static func eip(
    _ spec: String..., name: String = "lan", address: String = "192.0.2.100-192.0.2.150",
    metadata: String = "labels: {}", protocol: String = "vip"
  ) -> String {
    let lines = ["address: '\(address)'", "protocol: \(`protocol`)"] + spec
    return """
      apiVersion: network.kubesphere.io/v1alpha2
      kind: Eip
      metadata:
        name: \(name)
        \(metadata)
      spec:

      """ + lines.map { "  \($0)\n" }.joined()
  }

  /// What makes an Eip the default one.
  static let isDefault = "annotations: {eip.openelb.kubesphere.io/is-default-eip: 'true'}"

  /// An IPAddressPool; further lines of `spec` begin at line 8.
  static func pool(
    _ spec: String..., name: String = "lan", addresses: String = "[192.0.2.100-192.0.2.150]",
    metadata: String = "namespace: metallb-system"
  ) -> String {
    """
    apiVersion: metallb.io/v1beta1
    kind: IPAddressPool
    metadata:
      name: \(name)
      \(metadata)
    spec:
      addresses: \(addresses)

    """ + spec.map { "  \($0)\n" }.joined()
  }

  /// An advertisement; lines of `spec` begin at line 5.
  static func advertisement(_ spec: String..., kind: String = "L2Advertisement") -> String {
    """
    apiVersion: metallb.io/v1beta1
    kind: \(kind)
    metadata: {name: adv}
    spec:
      {}

    """.replacing("  {}\n", with: spec.isEmpty ? "  {}\n" : "")
      + spec.map { "  \($0)\n" }.joined()
  }

  /// The ConfigMap of kube-vip; lines of `data` begin at line 5.
  static func kubevip(_ data: String...) -> String {
    """
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: kubevip, namespace: kube-system}
    data:

    """ + data.map { "  \($0)\n" }.joined()
  }
}
