import Foundation

/// What the DaemonSet of the manifests says about a pod.
struct PodTemplate: Sendable {
  /// The namespace of the pods.
  let namespace: String
  /// The account as which they ask the API server.
  let serviceAccount: String
  /// What the program is started with, without its name.
  let arguments: [String]

  /// The Lease by which the pods agree on one of them.
  var lease: String {
    arguments.first { $0.hasPrefix("--lease=") }.map { String($0.dropFirst(8)) } ?? "none"
  }

  /// Reads the only DaemonSet of the cluster.
  init(from api: API) throws {
    let sets: [DaemonSet] = try api.list("/apis/apps/v1/daemonsets")
    guard sets.count == 1, let set = sets.first, let pod = set.spec.template.spec.containers.first
    else { throw LabError("the manifests have no DaemonSet, or several: \(sets.count)") }
    namespace = set.metadata.namespace
    serviceAccount = set.spec.template.spec.serviceAccountName
    arguments = pod.args ?? []
  }

  private struct DaemonSet: Decodable {
    struct Metadata: Decodable { let namespace: String }
    struct Spec: Decodable { let template: Template }
    struct Template: Decodable { let spec: PodSpec }
    struct PodSpec: Decodable {
      let serviceAccountName: String
      let containers: [Container]
    }
    struct Container: Decodable { let args: [String]? }

    let metadata: Metadata
    let spec: Spec
  }
}
