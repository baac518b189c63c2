import KubernetesClient
import Testing
import VIPCore
import VIPKubernetes

@testable import VIPKubernetesRuntime

/// Which addresses a node says that it does not serve.
@Suite struct ObstaclesTests {
  private static func addresses(_ texts: String...) -> [IPAddress] {
    texts.compactMap { IPAddress($0) }
  }

  private static let spec = RouterObject.Spec(
    pool: "lan", vrid: 31, addresses: addresses("192.0.2.2", "192.0.2.1", "2001:db8::1"))

  @Test func `what is named is not served, and the first problem is told`() {
    var obstacles = Obstacles(Self.spec)
    #expect(obstacles.first == nil && obstacles.unserved == [])
    obstacles.add("one", of: Self.addresses("192.0.2.2"))
    obstacles.add("two", of: Self.addresses("192.0.2.1"))
    #expect(obstacles.first == "one")
    #expect(obstacles.unserved == Self.addresses("192.0.2.1", "192.0.2.2"))
    // A problem that names none is one of all.
    obstacles.add("three", of: [IPAddress]())
    #expect(obstacles.first == "one" && obstacles.unserved == [])
  }

  @Test func `a family that takes no part is not served`() {
    var obstacles = Obstacles(Self.spec)
    obstacles.add("m", of: Set([AddressFamily.ipv6]))
    #expect(obstacles.unserved == Self.addresses("2001:db8::1"))
    obstacles.add("m", of: Set([AddressFamily.ipv4, .ipv6]))
    #expect(obstacles.first == "m" && obstacles.unserved == [])
  }

  @Test func aNodeNamesWhatItDoesNotServe() async throws {
    try await SpeakerLab.run { lab in
      lab.put(["192.0.2.100", "203.0.113.1"])
      try lab.start()
      await eventually("it is said") { lab.entry?.problem != nil }
      #expect(lab.entry?.unserved == Self.addresses("203.0.113.1"))
      await eventually("the other one is held") { lab.held == ["192.0.2.100"] }
      lab.put(["192.0.2.100"])
      await eventually("there is no problem any more") {
        lab.entry != nil && lab.entry?.problem == nil && lab.entry?.unserved == []
      }
    }
  }

  @Test func `a server that does not keep the addresses is not written to again and again`() throws
  {
    var book = StatusBook(node: "a")
    func router(_ version: Int, _ unserved: [IPAddress]) -> RouterObject {
      RouterObject(
        metadata: ObjectMeta(name: "r", uid: "1", resourceVersion: "\(version)", generation: 4),
        spec: Self.spec,
        status: .init(nodes: [.init("a", generation: 4, problem: "m", unserved: unserved)]))
    }
    let wanted = Self.addresses("192.0.2.1")
    book.observe(router(10, []))
    book.want(
      NodeReport(entry: .init("a", generation: 4, problem: "m", unserved: wanted)), of: "r",
      at: .zero)
    guard case .write(let write) = book.next(at: .zero) else {
      Issue.record("nothing is written")
      return
    }
    #expect(write.report.entry?.unserved == wanted)
    let body = try String(decoding: StatusWriter.body(write).encoded(), as: UTF8.self)
    #expect(body.contains(#""problem":"m","unserved":["192.0.2.1"]"#))
    book.wrote(write, version: "11")
    book.observe(router(11, []))
    #expect(book.next(at: .seconds(10)) == .nothing)
    // Other ones are not its own.
    book.observe(router(12, Self.addresses("192.0.2.2")))
    guard case .write = book.next(at: .seconds(20)) else {
      Issue.record("nothing is written")
      return
    }
  }
}
