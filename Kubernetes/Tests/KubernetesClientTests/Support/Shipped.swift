import KubernetesClient
import ManifestChecks
import VIPKubernetesManifests

/// The rights and definitions that are shipped, as an API server applies them.
enum Shipped {
  private static let rights =
    Rights.speaker + Rights.allocator + Rights.election(lease: Manifests.leaseName)
    + Rights.speakerPresence + Rights.allocatorPresence

  /// The kinds of this project, by the ends of their paths.
  private static let schemas: [String: Schema] = {
    do throws(Manifests.OptionError) {
      let pairs = try Manifests().definitions.map { definition in
        ("\(Definition.group)/\(Definition.version)/\(definition.plural)", definition.schema)
      }
      return Dictionary(uniqueKeysWithValues: pairs)
    } catch {
      return [:]
    }
  }()

  /// Whether a pod may make a request.
  static func allow(_ request: FakeRequest) -> Bool {
    guard
      let (access, name) = Access.of(
        method: request.method, path: request.path, isWatch: request.isWatch)
    else { return false }
    return rights.allow(access, on: name)
  }

  /// The faults of an object of a collection by its definition.
  static func problems(of object: JSONValue, in collection: String) -> [String] {
    guard let schema = schemas.first(where: { collection.hasSuffix($0.key) })?.value else {
      return []
    }
    return SchemaCheck.problems(of: object, schema, at: "")
  }
}

extension FakeServer {
  /// All that the requests so far needed rights for.
  var accesses: Set<Access> {
    Set(
      requests.compactMap { request in
        Access.of(method: request.method, path: request.path, isWatch: request.isWatch)?.access
      })
  }
}
