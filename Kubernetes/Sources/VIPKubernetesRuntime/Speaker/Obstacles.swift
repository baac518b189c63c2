import VIPCore
import VIPKubernetes

/// What keeps a node from serving addresses of a router, and which.
struct Obstacles: Sendable {
  private let all: [IPAddress]
  private var named: Set<IPAddress> = []
  private var areAll = false
  /// The first of what is wrong.
  private(set) var first: String?

  /// Begins with nothing that is wrong.
  init(_ spec: RouterObject.Spec) { all = spec.addresses }

  /// Takes note of something that is wrong with some addresses; with all of them if none are named.
  mutating func add(_ problem: String, of addresses: some Collection<IPAddress>) {
    first = first ?? problem
    named.formUnion(addresses)
    areAll = areAll || addresses.isEmpty
  }

  /// Takes note of something that is wrong with all addresses of some families.
  mutating func add(_ problem: String, of families: Set<AddressFamily>) {
    first = first ?? problem
    let concerned = all.filter { families.contains($0.family) }
    named.formUnion(concerned)
    areAll = areAll || concerned.count == all.count
  }

  /// The addresses that are not served, in order; none if it is all of them.
  var unserved: [IPAddress] { areAll ? [] : named.sorted() }
}
