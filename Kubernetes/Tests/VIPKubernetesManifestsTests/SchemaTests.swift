import Foundation
import KubernetesClient
import ManifestChecks
import Testing
import VIPCore
import VIPKubernetes
import VRRP

@testable import VIPKubernetesManifests
@testable import VIPKubernetesRuntime

/// The definitions beside the types that read and write the objects.
@Suite struct SchemaTests {
  private typealias Router = VIPKubernetes.VirtualRouter

  private static func definition(_ kind: String) throws -> Definition {
    try #require(Manifests().definitions.first { $0.kind == kind })
  }

  /// The fields that are written and never read.
  private static func read(_ value: JSONValue) -> JSONValue {
    switch value {
    case .object(var fields):
      fields["lastTransitionTime"] = nil
      return .object(fields.mapValues { read($0) })
    case .array(let elements): return .array(elements.map { read($0) })
    default: return value
    }
  }

  private static func compare<Object: Codable>(
    _ type: Object.Type, _ definition: Definition, truth: Bool
  ) throws {
    let example = Example(truth: truth).object(definition)
    #expect(SchemaCheck.problems(of: example, definition.schema, at: "") == [])
    let object = try ObjectReader.read(type, from: example.encoded())
    for part in Mirror(reflecting: object).children where part.label != "metadata" {
      // A field that is read and not in the schema has nothing here.
      #expect(Example.unset(in: part.value, at: part.label ?? "") == [])
    }
    let written = try JSONDecoder().decode(
      JSONValue.self, from: Data(ObjectReader.write(object)))
    for part in ["spec", "status"] {
      // A field that is in the schema and not read is missing in what is written.
      #expect(written[part] == example[part].map { read($0) })
    }
  }

  @Test(arguments: [true, false])
  func `each field of the definitions is read and written, and no other`(truth: Bool) throws {
    try Self.compare(AddressPool.self, Self.definition("AddressPool"), truth: truth)
    try Self.compare(Router.self, Self.definition("VirtualRouter"), truth: truth)
  }

  /// The fields that have to be there to be read, and those that a definition demands.
  private static func demands<Object: Decodable>(
    of type: Object.Type, _ definition: Definition
  ) -> (read: [String], defined: [String]) {
    var demands: (read: [String], defined: [String]) = ([], [])
    for rest in Example(truth: true).withoutOne(of: definition) {
      if rest.isRequired { demands.defined.append(rest.path) }
      do throws(any Error) {
        _ = try ObjectReader.read(type, from: rest.value.encoded())
      } catch {
        demands.read.append(rest.path)
      }
    }
    return demands
  }

  @Test func `a definition demands what has to be there to be read`() throws {
    let pool = Self.demands(of: AddressPool.self, try Self.definition("AddressPool"))
    // A pool without addresses can be read, but has no use.
    #expect(pool.defined == ["spec.addresses"] + pool.read)
    let router = Self.demands(of: Router.self, try Self.definition("VirtualRouter"))
    #expect(router.defined == router.read)
    #expect(router.read.prefix(2) == ["spec.pool", "spec.vrid"] && router.read.count >= 12)
  }

  private static func checkLongLists<Object: Decodable>(
    _ type: Object.Type, _ definition: Definition
  ) {
    let all =
      parts(of: definition.spec, at: "spec") + parts(of: definition.status, at: "status")
    for (path, schema) in all {
      guard case .list = schema.kind, let count = schema.count?.upperBound else { continue }
      let object = Example(truth: true, counts: [path: count]).object(definition)
      #expect(throws: Never.self, "\(count) at \(path)") {
        _ = try ObjectReader.read(type, from: object.encoded())
      }
    }
  }

  @Test func `lists as long as a definition allows are read`() throws {
    Self.checkLongLists(AddressPool.self, try Self.definition("AddressPool"))
    Self.checkLongLists(Router.self, try Self.definition("VirtualRouter"))
  }

  @Test func `a pool with the defaults of its definition is one that says nothing`() throws {
    guard case .object(let properties) = try Self.definition("AddressPool").spec.kind else {
      return
    }
    var spec: JSONValue = ["addresses": ["192.0.2.0/24"]]
    var count = 0
    for property in properties {
      guard let value = property.schema.default else { continue }
      spec[property.name] = JSONValue(value)
      #expect(SchemaCheck.problems(of: JSONValue(value), property.schema, at: property.name) == [])
      count += 1
    }
    #expect(count == 7)
    let pool = try ObjectReader.read(
      AddressPool.self, from: (["metadata": ["name": "lan"], "spec": spec] as JSONValue).encoded())
    #expect(pool.spec == AddressPool.Spec(addresses: ["192.0.2.0/24"]))
  }

  @Test func `what the allocator writes is as its definition has it`() async throws {
    let client = KubernetesClient(ClientConfiguration(server: "http://127.0.0.1:1"))
    var writer = PlanWriter(client, leadership: nil, instance: "node-a")
    let condition = Condition(type: "Valid", isTrue: false, reason: "Problems", message: "m")
    let pool = AddressPool.Status(
      capacity: "254", used: 7, freeVRIDs: 29, conditions: [condition])
    let poolBody = Result { try writer.poolBody("lan", pool) }
    let routerBody = Result { try writer.conditionBody("lan-1", condition) }
    await client.shutdown()
    let status = try Self.definition("AddressPool").status
    #expect(SchemaCheck.problems(of: try poolBody.get(), status, at: "status") == [])
    let router = try Self.definition("VirtualRouter").status
    let part = try #require(routerBody.get()["status"])
    #expect(SchemaCheck.problems(of: part, router, at: "status") == [])
  }

  @Test func `a router as the allocator makes it is as its definition has it`() throws {
    var spec = Router.Spec(
      pool: "lan", service: "default/web", vrid: 31, interface: "eth0",
      addresses: try [#require(IPAddress("192.0.2.7")), #require(IPAddress("2001:db8::7"))],
      candidates: [.init("node-a", 200), .init("node-b", 90)])
    spec.leaving = [.init(try #require(IPAddress("192.0.2.8")), since: 3)]
    let value = try JSONValue(encoding: spec)
    let schema = try Self.definition("VirtualRouter").spec
    #expect(SchemaCheck.problems(of: value, schema, at: "spec") == [])
    #expect(value["addressCount"] == 2 && value["candidateCount"] == 2)
  }
}
