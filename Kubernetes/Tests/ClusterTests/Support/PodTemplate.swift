import Foundation

/// What the DaemonSet of the manifests says about a pod.
struct PodTemplate: Sendable {
  /// The namespace of the pods.
  let namespace: String
  /// The specification of a pod.
  let spec: PodSpec
  /// The only container of a pod.
  let container: ContainerSpec

  /// The account as which they ask the API server.
  var serviceAccount: String { spec.serviceAccountName }
  /// What the program is started with, without its name.
  var arguments: [String] { container.args ?? [] }

  /// The Lease by which the pods agree on one of them.
  var lease: String {
    arguments.first { $0.hasPrefix("--lease=") }.map { String($0.dropFirst(8)) } ?? "none"
  }

  /// Reads the only DaemonSet of the cluster.
  init(from api: API) throws {
    let sets: [DaemonSet] = try api.list("/apis/apps/v1/daemonsets")
    guard sets.count == 1, let set = sets.first,
      set.spec.template.spec.containers.count == 1
    else { throw LabError("the manifests have no DaemonSet with one container, or several") }
    namespace = set.metadata.namespace
    spec = set.spec.template.spec
    container = spec.containers[0]
  }

  private struct DaemonSet: Decodable {
    struct Metadata: Decodable { let namespace: String }
    struct Spec: Decodable { let template: Template }
    struct Template: Decodable { let spec: PodSpec }

    let metadata: Metadata
    let spec: Spec
  }
}

/// As much of a pod's specification as a runtime is told.
struct PodSpec: Decodable, Sendable {
  let serviceAccountName: String
  let automountServiceAccountToken: Bool?
  let hostNetwork: Bool?
  let shareProcessNamespace: Bool?
  let terminationGracePeriodSeconds: Int?
  let containers: [ContainerSpec]
  let volumes: [Volume]?

  /// Whether all of the pod's containers are given something that is said for the pod.
  private let securityContext: NoSettings?

  struct Volume: Decodable, Sendable {
    struct EmptyDirectory: Decodable, Sendable { let medium: String? }
    struct HostPath: Decodable, Sendable { let path: String }

    let name: String
    let emptyDir: EmptyDirectory?
    let hostPath: HostPath?
  }
}

/// As much of a container's specification as a runtime is told.
struct ContainerSpec: Decodable, Sendable {
  let image: String
  let command: [String]?
  let args: [String]?
  let env: [Variable]?
  let ports: [Port]?
  let securityContext: SecurityContext?
  let volumeMounts: [Mount]?
  let livenessProbe: Probe?
  let readinessProbe: Probe?

  struct Variable: Decodable, Sendable {
    struct Source: Decodable, Sendable { let fieldRef: Field? }
    struct Field: Decodable, Sendable { let fieldPath: String }

    let name: String
    let value: String?
    let valueFrom: Source?
  }
  struct Port: Decodable, Sendable {
    let name: String?
    let containerPort: Int
  }
  struct Mount: Decodable, Sendable {
    let name: String
    let mountPath: String
    let readOnly: Bool?
  }
  struct Probe: Decodable, Sendable {
    struct Request: Decodable, Sendable {
      let path: String
      let port: String
    }

    let httpGet: Request
  }

  /// The port and the path that a probe asks for, such as `7480/healthz`.
  func target(of probe: Probe?) throws -> String {
    guard let request = probe?.httpGet,
      let port = ports?.first(where: { $0.name == request.port })
    else { throw LabError("the container has no such probe, or its port has no name") }
    return "\(port.containerPort)\(request.path)"
  }
}

/// What a container may do.
///
/// Reading fails at a setting that is not known here: it would be left out, and the container would
/// be another one than that of the DaemonSet.
struct SecurityContext: Decodable, Sendable {
  let runAsUser: Int?
  let allowPrivilegeEscalation: Bool?
  let readOnlyRootFilesystem: Bool?
  let capabilities: Capabilities?
  let seccompProfile: Profile?

  struct Capabilities: Decodable, Sendable {
    let add: [String]?
    let drop: [String]?
  }
  struct Profile: Decodable, Sendable { let type: String }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case runAsUser, allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities, seccompProfile
  }

  init(from decoder: any Decoder) throws {
    try expectKeys(CodingKeys.allCases.map(\.rawValue), in: decoder)
    let values = try decoder.container(keyedBy: CodingKeys.self)
    runAsUser = try values.decodeIfPresent(Int.self, forKey: .runAsUser)
    allowPrivilegeEscalation = try values.decodeIfPresent(
      Bool.self, forKey: .allowPrivilegeEscalation)
    readOnlyRootFilesystem = try values.decodeIfPresent(Bool.self, forKey: .readOnlyRootFilesystem)
    capabilities = try values.decodeIfPresent(Capabilities.self, forKey: .capabilities)
    seccompProfile = try values.decodeIfPresent(Profile.self, forKey: .seccompProfile)
  }
}

/// An object that is empty.
private struct NoSettings: Decodable, Sendable {
  init(from decoder: any Decoder) throws { try expectKeys([], in: decoder) }
}

/// Fails at a key that is not among those which are known.
private func expectKeys(_ known: [String], in decoder: any Decoder) throws {
  struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
  let keys = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
  let unknown = Set(keys).subtracting(known)
  guard unknown.isEmpty else {
    let path = decoder.codingPath.map(\.stringValue).joined(separator: ".")
    throw LabError("\(path) has \(unknown.sorted()), which the tests can't tell a runtime")
  }
}
