import KubernetesClient
import Testing
import VIPCore
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
    _ = store.take(Self.list(["a", "b", "c", "d"]), at: .zero)
    store.forgetLists()
    _ = store.take(
      Self.list(["a"], unreadable: [Self.reference("b"), Self.reference("c", uid: "another")]),
      at: .zero)
    #expect(Self.names(store) == ["a", "b"])
    _ = store.take(.pool(.skipped(Self.reference("b"), problem: "")), at: .zero)
    _ = store.take(.pool(.interrupted(.cancelled, retryIn: .zero)), at: .zero)
    _ = store.take(.pool(.doubted(retryIn: .zero)), at: .zero)
    #expect(Self.names(store) == ["a", "b"])
    _ = store.take(.pool(.gone(Self.reference("b"))), at: .zero)
    #expect(Self.names(store) == ["a"])
  }

  @Test func aSecondListIsToldApart() {
    var store = ClusterStore()
    #expect(!store.isComplete)
    let list = Self.list([])
    guard case .listed = store.take(list, at: .zero) else { return #expect(Bool(false)) }
    guard case .listedAgain = store.take(list, at: .zero) else { return #expect(Bool(false)) }
    store.forgetLists()
    guard case .listed = store.take(list, at: .zero) else { return #expect(Bool(false)) }
  }

  /// A Lease of the speaker of a node, or another one.
  private static func lease(
    of node: String, _ renewed: String, named name: String? = nil
  ) -> (ObjectReference, Lease) {
    let reference = reference(name ?? SpeakerPresence.leaseName(of: node))
    return (reference, Lease(metadata: reference, holder: node, renewed: renewed))
  }

  @Test func onlyLeasesOfSpeakersSayThatThereIsOne() {
    var store = ClusterStore(watchesSpeakers: true)
    let other = Self.lease(of: "pod-a", "1", named: "vipctl-allocator")
    let list = ReflectedList(
      objects: [Self.lease(of: "a", "1"), other], gone: [], unreadable: [])
    _ = store.take(.speaker(.listed(list)), at: .zero)
    #expect(store.snapshot.speakers == ["a": .alive])
    let (reference, lease) = Self.lease(of: "b", "1")
    guard case .news(let news) = store.take(.speaker(.changed(reference, lease)), at: .zero) else {
      return #expect(Bool(false))
    }
    #expect(news == [.speaker("b", .alive)])
    // That it has renewed it is no news.
    let (_, renewed) = Self.lease(of: "b", "2")
    guard case .news([]) = store.take(.speaker(.changed(reference, renewed)), at: .zero) else {
      return #expect(Bool(false))
    }
    guard case .nothing = store.take(.speaker(.changed(other.0, other.1)), at: .zero) else {
      return #expect(Bool(false))
    }
    guard case .news(let end) = store.take(.speaker(.gone(reference)), at: .zero) else {
      return #expect(Bool(false))
    }
    #expect(end == [.speakerGone("b")] && store.snapshot.speakers == ["a": .alive])
  }

  /// A router in whose status some nodes have entries.
  private static func router(_ nodes: String...) -> VirtualRouter {
    VirtualRouter(
      metadata: ObjectMeta(name: "r"), spec: VirtualRouter.Spec(pool: "lan", vrid: 31),
      status: .init(nodes: nodes.map { .init($0, generation: 1) }))
  }

  @Test func aNodeWithAnEntryAndNoLeaseIsSilentAfterAWhile() {
    var store = ClusterStore(watchesSpeakers: true)
    let reference = Self.reference("r")
    let routers = ReflectedList(
      objects: [(reference, Self.router("b"))], gone: [], unreadable: [])
    _ = store.take(.router(.listed(routers)), at: .zero)
    let leases = ReflectedList(objects: [Self.lease(of: "a", "0")], gone: [], unreadable: [])
    _ = store.take(.speaker(.listed(leases)), at: .zero)
    var told: [Observation] = []
    for second in stride(from: 20, through: 100, by: 20) {
      let (reference, lease) = Self.lease(of: "a", "\(second)")
      let meaning = store.take(.speaker(.changed(reference, lease)), at: .seconds(second))
      if case .news(let news) = meaning { told += news }
    }
    #expect(told == [.speaker("b", .silent)])
    // Without its entry there is nothing left of it.
    let router = Self.router()
    guard case .news(let news) = store.take(.router(.changed(reference, router)), at: .seconds(100))
    else { return #expect(Bool(false)) }
    #expect(news == [.router(router), .speakerGone("b")])
  }

  @Test func withSpeakersTheirLeasesHaveToBeListed() {
    for watchesSpeakers in [false, true] {
      var store = ClusterStore(watchesSpeakers: watchesSpeakers)
      _ = store.take(
        .service(.listed(ReflectedList(objects: [], gone: [], unreadable: []))), at: .zero)
      _ = store.take(
        .slice(.listed(ReflectedList(objects: [], gone: [], unreadable: []))), at: .zero)
      _ = store.take(
        .node(.listed(ReflectedList(objects: [], gone: [], unreadable: []))), at: .zero)
      _ = store.take(
        .namespace(.listed(ReflectedList(objects: [], gone: [], unreadable: []))), at: .zero)
      _ = store.take(Self.list([]), at: .zero)
      _ = store.take(
        .router(.listed(ReflectedList(objects: [], gone: [], unreadable: []))), at: .zero)
      #expect(store.isComplete == !watchesSpeakers)
      _ = store.take(
        .speaker(.listed(ReflectedList(objects: [], gone: [], unreadable: []))), at: .zero)
      #expect(store.isComplete)
    }
  }
}
