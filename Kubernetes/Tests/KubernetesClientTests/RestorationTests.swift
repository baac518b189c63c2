import Testing

@testable import KubernetesClient

/// An API server that goes back to a version of before, as after a restored backup.
@Suite struct RestorationTests {
  private var state = ReflectorState<Thing>(known: [], options: ReflectorOptions())

  /// Whether a list says that the server has gone back.
  private mutating func list(_ version: Int, _ things: [(String, Int)]) -> Bool? {
    let items = things.map { name, version in
      Readable.object(
        ObjectReference(ObjectName(name), uid: name, resourceVersion: "\(version)"),
        Thing(metadata: .init(name: name), spec: .init(color: "red")))
    }
    let list = ObjectList(resourceVersion: "\(version)", items: items)
    guard case .listed(let reflected)? = state.take(list, at: .zero)?.first else { return nil }
    return reflected.hasGoneBack
  }

  @Test mutating func `a list of an earlier version says so`() {
    #expect(list(100, [("a", 90)]) == false)
    #expect(list(100, [("a", 90)]) == false)
    #expect(list(120, [("a", 110)]) == false)
    #expect(list(119, [("a", 90)]) == true)
    #expect(list(121, [("a", 90)]) == false)
  }

  @Test mutating func `so does an object of an earlier version, but no other one of its name`() {
    #expect(list(100, [("a", 90), ("b", 95)]) == false)
    // The server has written more since than it had lost.
    #expect(list(200, [("a", 90), ("b", 94)]) == true)
    #expect(list(210, [("a", 90)]) == false)
  }

  @Test mutating func `what a watch has said counts as well`() {
    #expect(list(100, [("a", 90)]) == false)
    _ = state.take(.bookmark(resourceVersion: "150"))
    #expect(list(140, [("a", 90)]) == true)
    _ = state.take(.deleted(ObjectReference(ObjectName("a"), uid: "a", resourceVersion: "160")))
    #expect(list(155, [("c", 151)]) == true)
  }
}
