import Foundation
import KubernetesClient
import ManifestChecks
import Testing

@testable import VIPKubernetesManifests

/// The whole stream.
@Suite struct ManifestTests {
  private static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("vipctl-kubernetes.yaml")

  /// `VIP_UPDATE_MANIFESTS=1` writes what is printed now; then read the difference.
  @Test func `the manifests are as recorded`() throws {
    let text = try Manifests().text
    if ProcessInfo.processInfo.environment["VIP_UPDATE_MANIFESTS"] == "1" {
      try text.write(to: Self.file, atomically: true, encoding: .utf8)
    } else {
      #expect(try String(contentsOf: Self.file, encoding: .utf8) == text)
    }
  }

  private static func documents(
    _ change: (inout Manifests.Options) -> Void = { _ in }
  ) throws -> [JSONValue] {
    var options = Manifests.Options()
    change(&options)
    return try JSONValue.documents(in: Manifests(options).text)
  }

  private static func pod(_ documents: [JSONValue]) throws -> JSONValue {
    try #require(documents.last?["spec"]?["template"]?["spec"])
  }

  private static func strings(_ value: JSONValue?) -> [String] {
    guard case .array(let elements)? = value else { return [] }
    return elements.compactMap { if case .string(let text) = $0 { text } else { nil } }
  }

  private static func elements(_ value: JSONValue?) -> [JSONValue] {
    if case .array(let elements)? = value { elements } else { [] }
  }

  private static func kind(_ document: JSONValue) -> String {
    if case .string(let kind)? = document["kind"] { kind } else { "" }
  }

  @Test func `another program reads the objects that are meant`() throws {
    let manifests = try Manifests()
    let documents = try JSONValue.documents(in: manifests.text)
    #expect(documents == manifests.documents.map { JSONValue($0.value) })
    #expect(
      documents.map(Self.kind) == [
        "Namespace", "CustomResourceDefinition", "CustomResourceDefinition", "ServiceAccount",
        "ClusterRole", "ClusterRole", "Role", "Role", "ClusterRoleBinding", "ClusterRoleBinding",
        "RoleBinding", "RoleBinding", "DaemonSet",
      ])
  }

  @Test func `all that is in a namespace is in that of the options`() throws {
    let documents = try Self.documents { $0.namespace = "network" }
    #expect(documents.first?["metadata"]?["name"] == "network")
    for document in documents {
      let isClusterWide =
        ["Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"]
        .contains(Self.kind(document))
      #expect(document["metadata"]?["namespace"] == (isClusterWide ? nil : "network"))
      for subject in Self.elements(document["subjects"]) {
        #expect(
          subject == ["kind": "ServiceAccount", "name": "vipctl", "namespace": "network"])
      }
    }
  }

  @Test func `each role is bound to the account of the pods, and no other`() throws {
    let documents = try Self.documents()
    let roles = documents.filter { ["ClusterRole", "Role"].contains(Self.kind($0)) }
    let bindings = documents.filter {
      ["ClusterRoleBinding", "RoleBinding"].contains(Self.kind($0))
    }
    #expect(roles.count == 4)
    #expect(
      bindings.map { $0["roleRef"] }
        == roles.map { role -> JSONValue? in
          [
            "apiGroup": "rbac.authorization.k8s.io", "kind": role["kind"] ?? .null,
            "name": role["metadata"]?["name"] ?? .null,
          ]
        })
    #expect(try Self.pod(documents)["serviceAccountName"] == "vipctl")
  }

  @Test func `no right is wider than what it is for`() throws {
    for role in try Self.documents() {
      for rule in Self.elements(role["rules"]) {
        let (resources, verbs) = (Self.strings(rule["resources"]), Self.strings(rule["verbs"]))
        #expect(!resources.isEmpty && !verbs.isEmpty && Self.strings(rule["apiGroups"]).count == 1)
        #expect(
          Set(resources).isDisjoint(with: ["*", "secrets", "configmaps", "pods", "serviceaccounts"])
        )
        #expect(
          Set(verbs).isDisjoint(with: ["*", "update", "deletecollection", "bind", "escalate"]))
        // Whole objects of others are never written.
        let group = Self.strings(rule["apiGroups"]).first ?? ""
        if !["vipctl.io", "coordination.k8s.io", "events.k8s.io"].contains(group) {
          let isStatus = resources.allSatisfy { $0.hasSuffix("/status") }
          #expect(Set(verbs).isSubset(of: isStatus ? ["patch"] : ["get", "list", "watch"]))
        }
      }
    }
  }

  @Test func `the speaker can't write Services`() {
    #expect(
      !Rights.speaker.all.contains {
        $0.resource.hasPrefix("services") || $0.resource.hasPrefix("addresspools")
      })
    #expect(
      Rights.speaker.all.filter { $0.verb == "patch" }.map(\.resource).sorted()
        == ["events", "virtualrouters/status"])
    // All of it is also the allocator's, so that one account has no more than that.
    #expect(Rights.speaker.all.isSubset(of: Rights.allocator.all))
  }

  @Test func `a name bounds what is allowed`() {
    let rules = Rights.election(lease: "mine")
    #expect(rules.allow(Access("patch", "leases", of: "coordination.k8s.io"), on: "mine"))
    #expect(!rules.allow(Access("patch", "leases", of: "coordination.k8s.io"), on: "other"))
    #expect(!rules.allow(Access("list", "leases", of: "coordination.k8s.io"), on: nil))
    #expect(!rules.allow(Access("get", "leases"), on: "mine"))
  }

  @Test func `the pod has two capabilities and nothing to write but its directories`() throws {
    let pod = try Self.pod(Self.documents())
    let containers = Self.elements(pod["containers"])
    #expect(containers.count == 1)
    let container = try #require(containers.first)
    #expect(
      container["securityContext"] == [
        "runAsUser": 0, "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
        "capabilities": ["drop": ["ALL"], "add": ["NET_ADMIN", "NET_RAW"]],
        "seccompProfile": ["type": "RuntimeDefault"],
      ])
    let mounted = Set(Self.elements(container["volumeMounts"]).map { $0["name"] })
    #expect(mounted == Set(Self.elements(pod["volumes"]).map { $0["name"] }) && mounted.count == 2)
    #expect(container["resources"]?["limits"]?["cpu"] == nil)
  }

  @Test func `a pod that runs before all ordinary work may do so`() throws {
    let pod = try Self.pod(Self.documents { $0.isRealtime = true })
    let container = try #require(Self.elements(pod["containers"]).first)
    #expect(
      Self.strings(container["securityContext"]?["capabilities"]?["add"])
        == ["NET_ADMIN", "NET_RAW", "SYS_NICE"])
    #expect(Self.strings(container["args"]).contains("--realtime"))
  }

  @Test func `the kubelet asks where metrics and probes are`() throws {
    let pod = try Self.pod(Self.documents { $0.metricsAddress = "127.0.0.1" })
    let container = try #require(Self.elements(pod["containers"]).first)
    for probe in ["livenessProbe", "readinessProbe"] {
      #expect(container[probe]?["httpGet"]?["host"] == "127.0.0.1")
    }
    #expect(Self.strings(container["args"]).contains("--metrics-address=127.0.0.1"))
  }

  @Test func `a pool's defaults are those of the options`() throws {
    let documents = try Self.documents {
      $0.interval = "1s"
      $0.vrids = "31-60"
    }
    let versions = Self.elements(documents[1]["spec"]?["versions"])
    let schema = versions.first?["schema"]?["openAPIV3Schema"]
    let spec = try #require(schema?["properties"]?["spec"]?["properties"])
    #expect(spec["interval"]?["default"] == "1s" && spec["vrids"]?["default"] == "31-60")
  }

  @Test func `without a directory for it nothing of the node is mounted`() throws {
    let pod = try Self.pod(Self.documents { $0.stateDirectory = nil })
    #expect(Self.elements(pod["volumes"]).allSatisfy { $0["hostPath"] == nil })
    let arguments = Self.strings(Self.elements(pod["containers"]).first?["args"])
    #expect(!arguments.isEmpty && !arguments.contains { $0.hasPrefix("--state-dir") })
  }
}
