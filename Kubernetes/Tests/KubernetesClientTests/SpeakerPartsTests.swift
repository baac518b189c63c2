import Glibc
import KubernetesClient
import Netlink
import Testing
import VIP
import VIPCore
import VIPKubernetes

@testable import VIPKubernetesRuntime

/// The smaller parts of a speaker.
@Suite struct SpeakerPartsTests {
  private static func memory(_ node: String = "a") -> SpeakerMemory {
    SpeakerMemory(
      node: node, isInMaintenance: true,
      routers: [
        RouterObject(
          metadata: ObjectMeta(name: "r", uid: "1", generation: 4),
          spec: RouterObject.Spec(
            pool: "lan", vrid: 31,
            addresses: ["192.0.2.1", "2001:db8::1"].compactMap { .init($0) },
            candidates: [.init(node, 200)]),
          status: .init(nodes: [.init(node, generation: 4)]))
      ])
  }

  /// Does something with a directory that goes afterwards.
  private static func inDirectory(_ body: (String) async throws -> Void) async throws {
    let directory = try temporaryDirectory()
    defer { removeDirectory(directory) }
    try await body(directory)
  }

  // MARK: The file

  @Test func `a file is read as it was written, and is this user's alone`() async throws {
    try await Self.inDirectory { directory in
      let file = SpeakerFile(in: directory)
      #expect(try await file.read(for: "a") == nil)
      try await file.write(SpeakerMemory(node: "a"))
      try await file.write(Self.memory())
      #expect(try await file.read(for: "a") == Self.memory())
      var status = stat()
      #expect(stat(file.path, &status) == 0 && status.st_mode & 0o777 == 0o600)
      #expect(access(file.path + ".new", F_OK) != 0)
      try await file.remove()
      try await file.remove()
      #expect(try await file.read(for: "a") == nil)
    }
  }

  @Test(arguments: [
    "", "{", "[]", #"{"version":2,"node":"a","isInMaintenance":false,"routers":[]}"#,
    #"{"version":1,"node":"b","isInMaintenance":false,"routers":[]}"#,
    #"{"version":1,"node":"a","isInMaintenance":false,"routers":[{"metadata":{}}]}"#,
  ])
  func `a file that is not believed is told of`(text: String) async throws {
    try await Self.inDirectory { directory in
      let file = SpeakerFile(in: directory)
      try Self.put(text, at: file.path, 0o600)
      await #expect(throws: SpeakerFileError.self) { try await file.read(for: "a") }
    }
  }

  @Test func `a file that others may have written is not believed`() async throws {
    try await Self.inDirectory { directory in
      let file = SpeakerFile(in: directory)
      try Self.put(
        #"{"version":1,"node":"a","isInMaintenance":false,"routers":[]}"#, at: file.path, 0o622)
      await #expect(throws: SpeakerFileError.self) { try await file.read(for: "a") }
      #expect(chmod(file.path, 0o600) == 0)
      #expect(try await file.read(for: "a") == SpeakerMemory(node: "a"))
    }
  }

  @Test func `a link in the file's place is not followed`() async throws {
    try await Self.inDirectory { directory in
      let file = SpeakerFile(in: directory)
      #expect(symlink("/dev/null", file.path) == 0)
      await #expect(throws: SpeakerFileError.self) { try await file.read(for: "a") }
      try await file.write(Self.memory())
      #expect(try await file.read(for: "a") == Self.memory())
    }
  }

  @Test func `a directory that is missing is made`() async throws {
    try await Self.inDirectory { directory in
      let file = SpeakerFile(in: "\(directory)/state")
      try await file.write(Self.memory())
      #expect(try await file.read(for: "a") == Self.memory())
      removeDirectory("\(directory)/state")
    }
  }

  @Test func `where nothing can be written that is told`() async throws {
    let file = SpeakerFile(in: "/proc/no-such-directory")
    await #expect(throws: SpeakerFileError.self) { try await file.write(Self.memory()) }
  }

  private static func put(_ text: String, at path: String, _ mode: mode_t) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    try #require(file >= 0)
    defer { close(file) }
    #expect(Glibc.write(file, text, text.utf8.count) == text.utf8.count && fchmod(file, mode) == 0)
  }

  // MARK: What is known

  private static func event(
    _ version: Int, _ entry: Int64?, node: String = "a", uid: String = "1"
  ) -> ReflectorEvent<RouterObject> {
    let object = RouterObject(
      metadata: ObjectMeta(name: "r", uid: uid, resourceVersion: "\(version)", generation: 4),
      spec: RouterObject.Spec(pool: "lan", vrid: 31, candidates: [.init(node, 200)]),
      status: .init(nodes: entry.map { [.init("a", generation: $0)] } ?? []))
    return .changed(
      ObjectReference(ObjectName("r"), uid: uid, resourceVersion: "\(version)", generation: 4),
      object)
  }

  private static func write(_ entry: Int64?, uid: String = "1") -> StatusBook.StatusWrite {
    StatusBook.StatusWrite(
      name: "r", uid: uid,
      report: NodeReport(entry: entry.map { .init("a", generation: $0) }))
  }

  private func entry(_ store: SpeakerStore) -> Int64? {
    store.objects.first?.status.nodes.first { $0.node == "a" }?.generation
  }

  @Test func `an entry counts from the server's reply on, until there is newer news`() {
    var store = SpeakerStore(node: "a", memory: nil)
    store.take(Self.event(10, nil))
    let before = store.revision
    store.confirm(
      Self.write(0), ObjectReference(ObjectName("r"), uid: "1", resourceVersion: "12"))
    #expect(entry(store) == 0 && store.revision > before)
    // Of before the write.
    store.take(Self.event(11, nil))
    #expect(entry(store) == 0)
    store.take(Self.event(12, 0))
    store.take(Self.event(13, nil))
    #expect(entry(store) == nil)
  }

  @Test func `a reply that is older than the news changes nothing`() {
    var store = SpeakerStore(node: "a", memory: nil)
    store.take(Self.event(15, 4))
    store.confirm(
      Self.write(0), ObjectReference(ObjectName("r"), uid: "1", resourceVersion: "12"))
    #expect(entry(store) == 4)
    store.confirm(
      Self.write(5, uid: "0"), ObjectReference(ObjectName("r"), uid: "0", resourceVersion: "20"))
    #expect(entry(store) == 4)
  }

  @Test func `after a restored backup own entries are those that the server has`() {
    var store = SpeakerStore(node: "a", memory: nil)
    store.take(Self.event(100, nil))
    store.confirm(
      Self.write(4), ObjectReference(ObjectName("r"), uid: "1", resourceVersion: "101"))
    #expect(entry(store) == 4)
    guard case .changed(let reference, let object) = Self.event(50, nil) else { return }
    func list(hasGoneBack: Bool) -> ReflectorEvent<RouterObject> {
      .listed(
        ReflectedList(
          objects: [(reference, object)], gone: [], unreadable: [], hasGoneBack: hasGoneBack))
    }
    store.take(list(hasGoneBack: false))
    #expect(entry(store) == 4 && store.restorations == 0)
    store.take(list(hasGoneBack: true))
    #expect(entry(store) == nil && store.restorations == 1)
  }

  @Test func `what an earlier life has left behind is used only before the first list`() {
    var store = SpeakerStore(node: "a", memory: Self.memory())
    #expect(store.source == .nowhere && store.objects.isEmpty && store.isInMaintenance)
    #expect(store.remembered.map(\.name.name) == ["r"])
    let isUsed = store.useMemory()
    #expect(isUsed && store.source == .file && entry(store) == 4)
    store.take(
      ReflectorEvent<RouterObject>.listed(
        ReflectedList(objects: [], gone: store.remembered, unreadable: [])))
    #expect(store.source == .server && store.objects.isEmpty)
    let isUsedAgain = store.useMemory()
    #expect(!isUsedAgain && store.objects.isEmpty)
  }

  @Test func `a router that can't be read stays as it was, also from the file`() {
    var store = SpeakerStore(node: "a", memory: Self.memory())
    store.take(
      ReflectorEvent<RouterObject>.listed(
        ReflectedList(
          objects: [], gone: [],
          unreadable: [ObjectReference(ObjectName("r"), uid: "1", resourceVersion: "9")])))
    #expect(entry(store) == 4)
    store.take(
      ReflectorEvent<RouterObject>.listed(
        ReflectedList(
          objects: [], gone: [],
          unreadable: [ObjectReference(ObjectName("r"), uid: "2", resourceVersion: "9")])))
    #expect(store.objects.isEmpty)
  }

  @Test func `a later life gets the routers in which the node has a part`() {
    var store = SpeakerStore(node: "a", memory: nil)
    store.take(Self.event(10, 4, node: "b"))
    #expect(store.remains.routers.count == 1, "it still has an entry")
    store.take(Self.event(11, nil, node: "b"))
    #expect(store.remains.routers == [])
  }

  // MARK: Others

  @Test func `kube-proxy is dead after some failures, and well after some successes`() {
    var judge = ProxyJudge()
    func take(_ failures: String?...) -> [Bool] { failures.map { judge.take($0) } }
    // A node that has come up before it does not count as well.
    #expect(take("x", "x", "x") == [true, false, false])
    #expect(judge.problem?.hasPrefix("x; ") == true && judge.problem?.contains("off") == true)
    #expect(take(nil) == [true] && judge.problem == nil)
    #expect(take("x", "x", nil, "x", "x") == Array(repeating: false, count: 5))
    #expect(take("x") == [true] && judge.problem == "x")
    #expect(take(nil, "x", nil) == [false, false, false] && judge.problem == "x")
    #expect(take(nil) == [true] && judge.problem == nil)
  }

  @Test func `only interfaces that can serve addresses are seen, with their own addresses`() throws
  {
    let links = [
      Link(index: 1, name: "lo", flags: [.up, .running, .loopback]),
      Link(index: 2, name: "eth0"), Link(index: 3, name: "br0", kind: "bridge"),
      Link(index: 4, name: "eth1", masterIndex: 3), Link(index: 5, name: "vrf0", kind: "vrf"),
      Link(index: 6, name: "eth2", masterIndex: 5),
      Link(index: 7, name: "tun0", isEthernet: false),
    ]
    let own = try #require(InterfaceAddress("192.0.2.1/24"))
    let virtual = try #require(InterfaceAddress("192.0.2.100/32"))
    let view = MachineView(
      links,
      [
        AddressRecord(interfaceIndex: 2, address: own),
        AddressRecord(interfaceIndex: 2, address: virtual, protocolTag: 112),
      ])
    #expect(view.interfaces.map(\.name) == ["eth0", "br0", "vrf0", "eth2"])
    #expect(view.interfaces.first == SpeakerInterface("eth0", [own]))
    #expect(view.served == [virtual.address])
  }

  @Test func `a bell that was rung before wakes at once`() async {
    let bell = Bell()
    let clock = ManualClock()
    bell.ring()
    bell.ring()
    await bell.wait(until: nil, by: clock)
    // Now it has to wait, and the clock wakes it.
    async let wait: Void = bell.wait(until: .seconds(5), by: clock)
    await eventually("it waits") { clock.waits == [.seconds(5)] }
    clock.advance(.seconds(5))
    await wait
    async let other: Void = bell.wait(until: .seconds(50), by: clock)
    await eventually("it waits") { clock.waits == [.seconds(50)] }
    bell.ring()
    await other
  }

  @Test func `a cancelled task does not wait for a bell`() async {
    let bell = Bell()
    let task = Task { await bell.wait(until: nil, by: ManualClock()) }
    task.cancel()
    await task.value
  }
}
