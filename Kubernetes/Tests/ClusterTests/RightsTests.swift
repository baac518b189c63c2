import Testing

extension ClusterTests {
  /// What the account of the pods may do, as the server sees it.
  @Suite struct RightsTests {
    @Test("The pods' account may do what they need and nothing else")
    func leastPrivilege() throws {
      let cluster = try Cluster(nodes: 1)
      let token = readText("\(cluster.credentials)/token")
      try cluster.addService("web")
      let group = "/apis/vipctl.io/v1alpha1"
      let spec = #"{"spec": {"externalTrafficPolicy": "Local"}}"#
      let label = #"{"metadata": {"labels": {"a": "b"}}}"#

      for path in [
        "/api/v1/services", "/api/v1/nodes", "\(group)/virtualrouters", "\(group)/addresspools",
        "/apis/discovery.k8s.io/v1/endpointslices",
        "/apis/coordination.k8s.io/v1/namespaces/\(cluster.pod.namespace)/leases",
      ] {
        // The first moment of a binding may be missed by the server's cache.
        try eventually("GET \(path) is allowed") {
          try cluster.api.code("GET", path, token: token) == 200
        }
      }
      let node = cluster.nodes[0].name
      for (method, path, body) in [
        ("GET", "/api/v1/secrets", ""), ("GET", "/api/v1/pods", ""),
        ("GET", "/api/v1/configmaps", ""),
        ("GET", "/api/v1/namespaces/\(cluster.pod.namespace)/secrets", ""),
        ("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles", ""),
        ("PATCH", "\(API.servicesPath)/web", spec), ("DELETE", "\(API.servicesPath)/web", ""),
        ("PATCH", "/api/v1/nodes/\(node)", label), ("PATCH", "/api/v1/nodes/\(node)/status", label),
        ("PATCH", "\(group)/addresspools/lan", label), ("DELETE", "\(group)/addresspools/lan", ""),
        ("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", "{}"),
        ("GET", "/apis/coordination.k8s.io/v1/leases", ""),
      ] {
        let code = try cluster.api.code(method, path, token: token, body: body)
        #expect(code == 403, "\(method) \(path)")
      }
    }
  }
}
