import KubernetesClient
import Testing
import VIPKubernetes

@testable import VIPKubernetesRuntime

@Suite struct ClusterStoreTests {
  private static func reference(_ name: String, uid: String = "u") -> ObjectReference {
    ObjectReference(ObjectName(name), uid: uid)
  }

  private static func pool(_ name: String) -> AddressPool {
    AddressPool(metadata: ObjectMeta(name: name), spec: AddressPool.Spec(addresses: []))
  }

  private static func list(
    _ names: [String], unreadable: [ObjectReference] = []
  ) -> ClusterEvent {
    .pool(
      .listed(
        ReflectedList(
          objects: names.map { (reference($0), pool($0)) }, gone: [], unreadable: unreadable)))
  }

  private static func names(_ store: ClusterStore) -> [String] {
    store.pools.all.map(\.metadata.name)
  }

  @Test func whatCanNotBeReadIsAsItWasIfItIsTheSameObject() {
    var store = ClusterStore()
    _ = store.take(Self.list(["a", "b", "c", "d"]))
    store.forgetLists()
    _ = store.take(
      Self.list(["a"], unreadable: [Self.reference("b"), Self.reference("c", uid: "another")]))
    #expect(Self.names(store) == ["a", "b"])
    _ = store.take(.pool(.skipped(Self.reference("b"), problem: "")))
    _ = store.take(.pool(.interrupted(.cancelled, retryIn: .zero)))
    _ = store.take(.pool(.doubted(retryIn: .zero)))
    #expect(Self.names(store) == ["a", "b"])
    _ = store.take(.pool(.gone(Self.reference("b"))))
    #expect(Self.names(store) == ["a"])
  }

  @Test func aSecondListIsToldApart() {
    var store = ClusterStore()
    #expect(!store.isComplete)
    guard case .listed = store.take(Self.list([])) else { return #expect(Bool(false)) }
    guard case .listedAgain = store.take(Self.list([])) else { return #expect(Bool(false)) }
    store.forgetLists()
    guard case .listed = store.take(Self.list([])) else { return #expect(Bool(false)) }
  }
}
