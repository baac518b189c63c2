import VIPKubernetesManifests

/// The thing that a request does, for which it needs a right.
package struct Access: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The verb, such as `get`.
  package var verb: String
  /// The API group; empty for the core.
  package var group: String
  /// The kind, with the part that is meant, such as `services/status`.
  package var resource: String

  /// Makes an access.
  package init(_ verb: String, _ resource: String, of group: String = "") {
    self.verb = verb
    self.group = group
    self.resource = resource
  }

  /// The access that a request is, with the name of its object.
  package static func of(
    method: String, path: String, isWatch: Bool
  ) -> (access: Access, name: String?)? {
    var parts = path.split(separator: "/").map(String.init)
    guard parts.count >= 3 else { return nil }
    let group = parts[0] == "api" ? "" : parts[1]
    parts.removeFirst(group.isEmpty ? 2 : 3)
    if parts.first == "namespaces", parts.count > 2 { parts.removeFirst(2) }
    guard let kind = parts.first else { return nil }
    let name = parts.count > 1 ? parts[1] : nil
    let verb =
      switch method {
      case "GET" where isWatch: "watch"
      case "GET": name == nil ? "list" : "get"
      case "POST": "create"
      case "PATCH": "patch"
      case "PUT": "update"
      case "DELETE": name == nil ? "deletecollection" : "delete"
      default: method
      }
    let resource = parts.count > 2 ? "\(kind)/\(parts[2])" : kind
    return (Access(verb, resource, of: group), name)
  }

  /// `VERB RESOURCE.GROUP`.
  package var description: String {
    group.isEmpty ? "\(verb) \(resource)" : "\(verb) \(resource) of \(group)"
  }

  package static func < (left: Access, right: Access) -> Bool {
    left.description < right.description
  }
}

extension [AccessRule] {
  /// All that they allow.
  package var all: Set<Access> {
    Set(
      flatMap { rule in
        rule.resources.flatMap { resource in
          rule.verbs.map { Access($0, resource, of: rule.group) }
        }
      })
  }

  /// Whether they allow something with an object.
  package func allow(_ access: Access, on name: String?) -> Bool {
    contains { rule in
      rule.group == access.group && rule.resources.contains(access.resource)
        && rule.verbs.contains(access.verb)
        && (rule.names.isEmpty || name.map(rule.names.contains) ?? false)
    }
  }
}
