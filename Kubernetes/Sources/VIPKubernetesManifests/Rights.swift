/// A right of the pods: what they may do with some kinds of objects.
package struct AccessRule: Sendable, Hashable {
  /// The API group; empty for the core.
  package var group: String
  /// The kinds, such as `services`, with the part that is meant: `services/status`.
  package var resources: [String]
  /// The names of the only objects that are meant; empty for all.
  package var names: [String]
  /// The things that may be done with them.
  package var verbs: [String]
  /// The reason why it is needed.
  package var purpose: String

  package init(
    _ resources: [String], of group: String = "", named names: [String] = [], _ verbs: [String],
    _ purpose: String
  ) {
    self.resources = resources
    self.group = group
    self.names = names
    self.verbs = verbs
    self.purpose = purpose
  }

  var yaml: YAMLValue {
    var fields = [
      YAMLField("apiGroups", [.text(group)], comment: purpose),
      YAMLField("resources", YAMLValue(resources)),
    ]
    if !names.isEmpty { fields.append(YAMLField("resourceNames", YAMLValue(names))) }
    fields.append(YAMLField("verbs", YAMLValue(verbs)))
    return .fields(fields)
  }
}

/// The rights of the two parts of a pod.
///
/// A pod has one token, so both roles are given to one account. They are apart so that it can be
/// read, and tested, what each part needs.
package enum Rights {
  /// The rights of the speaker, which is on every node.
  package static let speaker: [AccessRule] = [
    AccessRule(["virtualrouters"], of: Definition.group, ["list", "watch"], "What to serve."),
    AccessRule(
      ["virtualrouters/status"], of: Definition.group, ["patch"],
      "What the node has taken note of, and which addresses it holds."),
    AccessRule(
      ["nodes"], ["list", "watch"],
      "Whether its node is in maintenance. It asks for its own only, which rights can't say."),
    AccessRule(
      ["events"], of: "events.k8s.io", ["create", "patch"],
      "Says which node serves what, and what keeps one from it."),
  ]

  /// The rights of the allocator, which is in one pod at a time.
  package static let allocator: [AccessRule] = [
    AccessRule(["services"], ["get", "list", "watch"], "Which Services want addresses."),
    AccessRule(["services/status"], ["patch"], "Gives them."),
    AccessRule(
      ["endpointslices"], of: "discovery.k8s.io", ["list", "watch"],
      "Which nodes can serve a Service with externalTrafficPolicy Local."),
    AccessRule(
      ["nodes", "namespaces"], ["list", "watch"], "Which nodes and Services a pool is for."),
    AccessRule(
      ["addresspools"], of: Definition.group, ["get", "list", "watch"], "Which addresses there are."
    ),
    AccessRule(
      ["addresspools/status"], of: Definition.group, ["patch"], "How many of them are in use."),
    AccessRule(
      ["virtualrouters"], of: Definition.group,
      ["get", "list", "watch", "create", "patch", "delete"], "Which nodes serve which addresses."),
    AccessRule(
      ["virtualrouters/status"], of: Definition.group, ["patch"],
      "Says whether they are as they are wanted."),
    AccessRule(
      ["events"], of: "events.k8s.io", ["create", "patch"],
      "Says what happens, on the object that it is about, and how often."),
  ]

  /// The rights of a speaker in the namespace of the pods.
  package static let speakerPresence: [AccessRule] = [
    AccessRule(
      ["leases"], of: "coordination.k8s.io", ["create", "patch"],
      "Says that a node has a pod, by a Lease for each node, whose names are not known here.")
  ]

  /// The rights of the allocator in the namespace of the pods.
  package static let allocatorPresence: [AccessRule] = [
    AccessRule(
      ["leases"], of: "coordination.k8s.io", ["list", "watch"], "Which nodes have a pod.")
  ]

  /// The rights of all pods in their own namespace, to agree on the allocator.
  package static func election(lease: String) -> [AccessRule] {
    [
      AccessRule(
        ["leases"], of: "coordination.k8s.io", named: [lease], ["get", "patch"],
        "Agrees with the other pods on the one that gives addresses."),
      AccessRule(
        ["leases"], of: "coordination.k8s.io", ["create"],
        "Makes the Lease if there is none; rights to create can't be bound to a name."),
    ]
  }
}
