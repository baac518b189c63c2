extension Manifests {
  private static let name = "vipctl"
  private static let container = "vipctl"
  /// The account of the pods.
  static let account = "vipctl"
  /// Where the node keeps its socket.
  private static let runtimeDirectory = "/run/vipctl"
  /// Where the pod finds the directory of the node that has its last state.
  private static let stateDirectory = "/var/lib/vipctl"

  /// The labels of the pods.
  private static let labels: [String: String] = ["app.kubernetes.io/name": name]

  /// The object that runs a pod on each node.
  var daemonSet: YAMLDocument {
    YAMLDocument(
      [
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": [
          "name": .text(Self.name), "namespace": .text(options.namespace),
          "labels": YAMLValue(sorting: Self.labels),
        ],
        "spec": .fields([
          YAMLField("selector", ["matchLabels": YAMLValue(sorting: Self.labels)]),
          YAMLField(
            "updateStrategy",
            ["type": "RollingUpdate", "rollingUpdate": ["maxUnavailable": 1]],
            comment:
              "One node after the other hands its addresses over, which costs clients nothing."),
          YAMLField(
            "minReadySeconds", 10,
            comment:
              "Longer than it takes to come up, to listen for three intervals and to take over."),
          YAMLField(
            "template",
            ["metadata": ["labels": YAMLValue(sorting: Self.labels)], "spec": .fields(podSpec)]),
        ]),
      ],
      comment: "A pod on each node. One of them, by a Lease, also gives the addresses.")
  }

  private var podSpec: [YAMLField] {
    var fields = [
      YAMLField("serviceAccountName", .text(Self.account)),
      YAMLField("automountServiceAccountToken", true),
      YAMLField("hostNetwork", true),
      YAMLField(
        "dnsPolicy", "Default",
        comment: "The API server is asked by its address: no name of the cluster has to be found."),
      YAMLField(
        "shareProcessNamespace", true,
        comment:
          "The guard, which takes the addresses away when the program dies, outlives it only if that is "
          + "not the first process."),
      YAMLField("priorityClassName", .text(options.priorityClass)),
      YAMLField("terminationGracePeriodSeconds", .number(options.gracePeriod.components.seconds)),
    ]
    if !options.nodeSelector.isEmpty {
      fields.append(
        YAMLField(
          "nodeSelector", YAMLValue(sorting: options.nodeSelector),
          comment:
            "Pools have to choose among these nodes by their nodeSelector: a node without a pod serves "
            + "nothing. Take a node out of all pools first, and wait until it serves nothing."))
    }
    if !options.tolerations.isEmpty {
      fields.append(YAMLField("tolerations", .list(options.tolerations.map(\.yaml))))
    }
    if !options.imagePullSecrets.isEmpty {
      fields.append(
        YAMLField(
          "imagePullSecrets", .list(options.imagePullSecrets.map { ["name": .text($0)] })))
    }
    fields.append(YAMLField("containers", [.fields(containerFields)]))
    fields.append(YAMLField("volumes", .list(volumes)))
    return fields
  }

  private var containerFields: [YAMLField] {
    [
      YAMLField("name", .text(Self.container)), YAMLField("image", .text(options.image)),
      YAMLField("imagePullPolicy", .text(options.imagePullPolicy)),
      YAMLField("command", ["vipctl-kubernetes"]), YAMLField("args", YAMLValue(arguments)),
      YAMLField(
        "env",
        .list([
          Self.variable("NODE_NAME", "spec.nodeName"), Self.variable("POD_NAME", "metadata.name"),
          Self.variable("POD_NAMESPACE", "metadata.namespace"),
        ])),
      YAMLField(
        "ports",
        [
          [
            "name": "metrics", "containerPort": .number(Int64(options.metricsPort)),
            "protocol": "TCP",
          ]
        ]),
      YAMLField(
        "securityContext",
        [
          "runAsUser": 0, "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
          "capabilities": ["drop": ["ALL"], "add": YAMLValue(capabilities)],
          "seccompProfile": ["type": "RuntimeDefault"],
        ]),
      YAMLField(
        "livenessProbe", probe("/healthz", period: 10, failures: 6),
        comment:
          "A program that hangs is replaced, after a while: the other nodes have taken over long before."
      ),
      YAMLField("readinessProbe", probe("/readyz", period: 2, failures: 3)),
      YAMLField(
        "resources",
        [
          "requests": ["cpu": .text(options.cpuRequest), "memory": .text(options.memoryRequest)],
          "limits": ["memory": .text(options.memoryLimit)],
        ],
        comment: "No limit of processor time: a quota stops the node in the middle of an interval."),
      YAMLField("volumeMounts", .list(mounts)),
    ]
  }

  private static func variable(_ name: String, _ path: String) -> YAMLValue {
    ["name": .text(name), "valueFrom": ["fieldRef": ["fieldPath": .text(path)]]]
  }

  private var capabilities: [String] {
    ["NET_ADMIN", "NET_RAW"] + (options.isRealtime ? ["SYS_NICE"] : [])
  }

  private func probe(_ path: String, period: Int64, failures: Int64) -> YAMLValue {
    var get = [YAMLField("path", .text(path)), YAMLField("port", "metrics")]
    // Without a host the kubelet asks at the address of the pod, which is the node's.
    if let address = options.metricsAddress { get.append(YAMLField("host", .text(address))) }
    return [
      "httpGet": .fields(get),
      "periodSeconds": .number(period), "timeoutSeconds": 5, "failureThreshold": .number(failures),
    ]
  }

  private var mounts: [YAMLValue] {
    var mounts: [YAMLValue] = [
      ["name": "runtime", "mountPath": .text(Self.runtimeDirectory)]
    ]
    if options.stateDirectory != nil {
      mounts.append(["name": "state", "mountPath": .text(Self.stateDirectory)])
    }
    return mounts
  }

  private var volumes: [YAMLValue] {
    var volumes: [YAMLValue] = [
      ["name": "runtime", "emptyDir": ["medium": "Memory", "sizeLimit": "16Mi"]]
    ]
    if let directory = options.stateDirectory {
      volumes.append(
        .fields([
          YAMLField(
            "name", "state",
            comment:
              "What the node served last. A new pod goes on with it when the API server doesn't answer."
          ),
          YAMLField("hostPath", ["path": .text(directory), "type": "DirectoryOrCreate"]),
        ]))
    }
    return volumes
  }

  /// The arguments with which a pod starts the program, without its name.
  public var arguments: [String] {
    var arguments = ["run", "--class=\(options.loadBalancerClass)"]
    if options.isDefaultClass { arguments.append("--default") }
    arguments += [
      "--lease=\(Self.leaseName)", "--kube-proxy=\(options.kubeProxy ?? "off")",
      "--metrics-port=\(options.metricsPort)", "--log-level=\(options.logLevel)",
      "--runtime-dir=\(Self.runtimeDirectory)",
    ]
    if let address = options.metricsAddress { arguments.append("--metrics-address=\(address)") }
    if options.logFormat != "logfmt" { arguments.append("--log-format=\(options.logFormat)") }
    if options.isRealtime { arguments.append("--realtime") }
    if options.stateDirectory != nil { arguments.append("--state-dir=\(Self.stateDirectory)") }
    return arguments
  }
}

extension Manifests.Toleration {
  var yaml: YAMLValue {
    var fields: [YAMLField] = []
    if !key.isEmpty { fields.append(YAMLField("key", .text(key))) }
    fields.append(YAMLField("operator", value == nil ? "Exists" : "Equal"))
    if let value { fields.append(YAMLField("value", .text(value))) }
    if let effect { fields.append(YAMLField("effect", .text(effect))) }
    return .fields(fields)
  }
}
