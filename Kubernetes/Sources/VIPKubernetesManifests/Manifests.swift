/// The objects that run vipctl in a cluster: definitions, rights, and a pod on each node.
///
/// ```swift
/// var options = Manifests.Options()
/// options.namespace = "network"
/// print(try Manifests(options).text)
/// ```
public struct Manifests: Sendable, Hashable {
  /// The way in which vipctl runs.
  public let options: Options

  /// The Lease by which the pods agree on the one that gives addresses.
  public static let leaseName = "vipctl-allocator"

  /// Makes the objects for some options.
  ///
  /// - Throws: what is wrong with one of the options.
  public init(_ options: Options = Options()) throws(OptionError) {
    try options.validate()
    self.options = options
  }

  /// All objects as a stream of YAML documents, for `kubectl apply -f -`.
  public var text: String { YAMLWriter.text(documents) }

  /// The definitions of this project's objects.
  package var definitions: [Definition] {
    [.addressPool(interval: options.interval, vrids: options.vrids), .virtualRouter]
  }

  /// All objects, each behind those that it needs.
  package var documents: [YAMLDocument] {
    [namespace] + definitions.map { YAMLDocument($0.yaml) } + accountAndRights + [daemonSet]
  }

  private var namespace: YAMLDocument {
    YAMLDocument(
      .fields([
        YAMLField("apiVersion", "v1"), YAMLField("kind", "Namespace"),
        YAMLField(
          "metadata",
          .fields([
            YAMLField("name", .text(options.namespace)),
            YAMLField(
              "labels", ["pod-security.kubernetes.io/enforce": "privileged"],
              comment:
                "The host's network and the capabilities NET_ADMIN and NET_RAW are more than 'baseline' "
                + "allows."),
          ])),
      ]),
      comment:
        """
        vipctl in a Kubernetes cluster (1.30 or newer), as printed by 'vipctl-kubernetes manifests'.

          kubectl apply -f vipctl-kubernetes.yaml
          kubectl get vipctl                          # the pools, and which node serves what
          kubectl -n \(options.namespace) exec POD -- vipctl status
        """)
  }

  private static let rightsGroup = "rbac.authorization.k8s.io"

  private var accountAndRights: [YAMLDocument] {
    [
      YAMLDocument([
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": ["name": .text(Self.account), "namespace": .text(options.namespace)],
        "automountServiceAccountToken": false,
      ]),
      YAMLDocument(
        role("ClusterRole", "vipctl-speaker", Rights.speaker),
        comment: "What the pod of each node does."),
      YAMLDocument(
        role("ClusterRole", "vipctl-allocator", Rights.allocator),
        comment:
          "What one of the pods does beside that. Any may become that one, and a pod has one token: so "
          + "the account of all pods has both roles. Nothing of it concerns Secrets, ConfigMaps or pods."
      ),
      YAMLDocument(role("Role", "vipctl-election", Rights.election(lease: Self.leaseName))),
      YAMLDocument(
        role("Role", "vipctl-presence", Rights.speakerPresence + Rights.allocatorPresence)),
      YAMLDocument(binding("ClusterRole", "vipctl-speaker")),
      YAMLDocument(binding("ClusterRole", "vipctl-allocator")),
      YAMLDocument(binding("Role", "vipctl-election")),
      YAMLDocument(binding("Role", "vipctl-presence")),
    ]
  }

  private func role(_ kind: String, _ name: String, _ rules: [AccessRule]) -> YAMLValue {
    [
      "apiVersion": .text("\(Self.rightsGroup)/v1"), "kind": .text(kind),
      "metadata": metadata(name, isClusterWide: kind == "ClusterRole"),
      "rules": .list(rules.map(\.yaml)),
    ]
  }

  private func binding(_ kind: String, _ name: String) -> YAMLValue {
    [
      "apiVersion": .text("\(Self.rightsGroup)/v1"), "kind": .text("\(kind)Binding"),
      "metadata": metadata(name, isClusterWide: kind == "ClusterRole"),
      "roleRef": [
        "apiGroup": .text(Self.rightsGroup), "kind": .text(kind), "name": .text(name),
      ],
      "subjects": [
        [
          "kind": "ServiceAccount", "name": .text(Self.account),
          "namespace": .text(options.namespace),
        ]
      ],
    ]
  }

  private func metadata(_ name: String, isClusterWide: Bool) -> YAMLValue {
    isClusterWide
      ? ["name": .text(name)]
      : ["name": .text(name), "namespace": .text(options.namespace)]
  }
}
