import Foundation
import VIPCore
import VIPKubernetes

/// The API server of a lab, asked as administrator.
struct API: Sendable {
  /// Where it listens.
  static let server = "https://198.18.0.2:6443"

  /// The prefix of the lab.
  let lab: String

  /// Runs kubectl; it must succeed.
  @discardableResult
  func kubectl(_ arguments: [String], input: String = "") throws -> String {
    try check([Laboratory.script, "kubectl", lab] + arguments, input: input, within: .seconds(150))
  }

  /// Runs a line for kubectl as an administrator would type it, words separated by blanks.
  @discardableResult
  func kubectl(_ line: String, input: String = "") throws -> String {
    try kubectl(line.split(separator: " ").map(String.init), input: input)
  }

  /// Applies YAML.
  func apply(_ text: String) throws {
    try kubectl(["apply", "-f", "-"], input: text)
  }

  /// The objects at a path, such as `/api/v1/services`.
  func list<Object: Decodable>(_ path: String, of _: Object.Type = Object.self) throws -> [Object] {
    try JSONDecoder().decode(ObjectList<Object>.self, from: Data(request("GET", path).utf8)).items
  }

  /// The object at a path.
  func get<Object: Decodable>(_ path: String, as _: Object.Type = Object.self) throws -> Object {
    try JSONDecoder().decode(Object.self, from: Data(request("GET", path).utf8))
  }

  /// The virtual routers of the cluster.
  func routers() throws -> [VirtualRouter] { try list(Self.routersPath) }

  /// Where virtual routers are.
  static let routersPath = "/apis/vipctl.io/v1alpha1/virtualrouters"

  /// Where the Services of the namespace `default` are.
  static let servicesPath = "/api/v1/namespaces/default/services"

  /// A Service of the namespace `default`.
  func service(_ name: String) throws -> ServiceObject {
    try get("\(Self.servicesPath)/\(name)")
  }

  /// The status code of a request with another token than the administrator's.
  func code(_ method: String, _ path: String, token: String, body: String = "") throws -> Int? {
    let arguments = curl(token: token) + ["-o", "/dev/null", "-w", "%{http_code}", "-X", method]
    let type = method == "PATCH" ? "application/merge-patch+json" : "application/json"
    let sent = body.isEmpty ? [] : ["-H", "Content-Type: \(type)", "-d", body]
    return Int(try check(arguments + sent + [Self.server + path]))
  }

  /// A request; its reply must be a good one.
  @discardableResult
  func request(_ method: String, _ path: String, body: String = "") throws -> String {
    // A server that has just come back says 429 or 503 for a moment; what only reads asks again.
    let onError = method == "GET" ? ["--fail", "--retry", "10"] : ["--fail-with-body"]
    var arguments = curl + onError + ["-X", method, Self.server + path]
    if !body.isEmpty { arguments += ["-H", "Content-Type: application/json", "-d", body] }
    return try check(arguments)
  }

  /// The command that asks this server, without what it asks for.
  var curl: [String] {
    let token = readText("\(Laboratory.state)/\(lab)/admin.token")
    return curl(token: token.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  private func curl(token: String) -> [String] {
    [
      "ip", "netns", "exec", "\(lab)cp", "curl", "-sS", "--noproxy", "*", "--max-time", "600",
      "--cacert", "\(Laboratory.state)/\(lab)/pki/ca.crt", "-H", "Authorization: Bearer \(token)",
    ]
  }
}

/// A list as the server writes it.
private struct ObjectList<Object: Decodable>: Decodable {
  let items: [Object]
}

/// As much of a Service as the tests look at.
struct ServiceObject: Decodable, Sendable {
  struct Metadata: Decodable, Sendable {
    let name: String
  }
  struct Status: Decodable, Sendable {
    let loadBalancer: LoadBalancer?
  }
  struct LoadBalancer: Decodable, Sendable {
    let ingress: [Ingress]?
  }
  struct Ingress: Decodable, Sendable {
    let ip: String?
    let ipMode: String?
  }

  let metadata: Metadata
  let status: Status?

  /// The addresses in its status, IPv4 first.
  var addresses: [IPAddress] {
    let all = (status?.loadBalancer?.ingress ?? []).compactMap { $0.ip.flatMap { IPAddress($0) } }
    return all.filter { $0.family == .ipv4 } + all.filter { $0.family == .ipv6 }
  }
}
