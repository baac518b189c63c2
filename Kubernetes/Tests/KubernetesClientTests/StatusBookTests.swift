import KubernetesClient
import Testing
import VIPCore
import VIPKubernetes

@testable import VIPKubernetesRuntime

/// When a speaker writes what.
@Suite struct StatusBookTests {
  private var book = StatusBook(node: "a")

  private func router(
    _ version: Int, uid: String = "1", _ status: RouterObject.Status = RouterObject.Status()
  ) throws -> RouterObject {
    RouterObject(
      metadata: ObjectMeta(name: "r", uid: uid, resourceVersion: "\(version)", generation: 4),
      spec: RouterObject.Spec(pool: "lan", vrid: 31), status: status)
  }

  private func entry(_ generation: Int64, _ problem: String? = nil) -> RouterObject.Acknowledgement
  {
    RouterObject.Acknowledgement("a", generation: generation, problem: problem)
  }

  private func active(_ node: String, since: String = "t1") -> [AddressFamily: RouterObject.Active]
  {
    [.ipv4: RouterObject.Active(node, since: since)]
  }

  /// The report that is written now; nothing if none is.
  private mutating func written(at now: Duration) -> NodeReport? {
    guard case .write(let write) = book.next(at: now) else { return nil }
    return write.report
  }

  /// Writes what is due, with success.
  private mutating func write(at now: Duration, version: Int) {
    guard case .write(let write) = book.next(at: now) else { return }
    book.wrote(write, version: "\(version)")
  }

  @Test mutating func `an entry is written at once, and only once`() throws {
    book.observe(try router(10))
    book.want(NodeReport(entry: entry(0)), of: "r", at: .zero)
    guard case .write(let write) = book.next(at: .zero) else {
      Issue.record("nothing is written")
      return
    }
    #expect(write.report.entry == entry(0) && write.uid == "1")
    book.wrote(write, version: "11")
    #expect(book.next(at: .seconds(1)) == .nothing)
    // What was read before the write says nothing.
    book.observe(try router(10))
    #expect(book.next(at: .seconds(2)) == .nothing)
    book.observe(try router(11, .init(nodes: [entry(0)])))
    #expect(book.next(at: .seconds(3)) == .nothing)
    #expect(book.openCount(at: .seconds(3)) == 0)
  }

  @Test mutating func `what the server has already is not written by a later life`() throws {
    book.observe(try router(10, .init(active: active("a"), nodes: [entry(4)])))
    book.want(NodeReport(entry: entry(4), active: active("a")), of: "r", at: .zero)
    #expect(book.next(at: .zero) == .nothing)
  }

  @Test mutating func `what an earlier life has said goes with one write`() throws {
    let mac = try #require(MACAddress("02:00:00:00:00:09"))
    let address = try #require(IPAddress("192.0.2.100"))
    book.observe(
      try router(
        10,
        .init(
          active: active("a"), nodes: [entry(4)], conflicts: [.init(address, by: mac)],
          conditions: [
            Condition(type: ConditionType.foreignGroup, isTrue: true, reason: "F", message: "")
          ])))
    book.want(NodeReport(entry: entry(4)), of: "r", at: .zero)
    #expect(written(at: .zero) != nil)
  }

  @Test mutating func `what has been taken from the server is written again`() throws {
    book.observe(try router(10))
    book.want(NodeReport(entry: entry(4)), of: "r", at: .zero)
    write(at: .zero, version: 11)
    book.observe(try router(12))
    #expect(written(at: .seconds(1)) != nil)
  }

  @Test mutating func `after a restored backup older versions are believed`() throws {
    book.observe(try router(100))
    book.want(NodeReport(entry: entry(4)), of: "r", at: .zero)
    write(at: .zero, version: 101)
    book.observe(try router(101, .init(nodes: [entry(4)])))
    #expect(book.next(at: .seconds(1)) == .nothing)
    // Without a word about it a lower version is an old one.
    book.observe(try router(50))
    #expect(book.next(at: .seconds(2)) == .nothing)
    book.noteRestorations(1)
    book.observe(try router(50))
    #expect(written(at: .seconds(3))?.entry == entry(4))
    write(at: .seconds(4), version: 51)
    book.noteRestorations(1)
    book.observe(try router(51, .init(nodes: [entry(4)])))
    #expect(book.next(at: .seconds(9)) == .nothing)
  }

  @Test mutating func `a taken away entry is not written twice`() throws {
    book.observe(try router(10, .init(nodes: [entry(3), .init("b", generation: 3)])))
    book.want(NodeReport(), of: "r", at: .zero)
    write(at: .zero, version: 11)
    book.observe(try router(11, .init(nodes: [.init("b", generation: 3)])))
    #expect(book.next(at: .seconds(1)) == .nothing)
  }

  @Test mutating func `the successor has time to say that it holds the addresses`() throws {
    book.observe(try router(10))
    book.want(NodeReport(entry: entry(4), active: active("a")), of: "r", at: .zero)
    write(at: .zero, version: 11)
    book.want(NodeReport(entry: entry(4)), of: "r", at: .seconds(5))
    #expect(book.next(at: .seconds(5)) == .wait(until: .seconds(5) + StatusBook.lossDelay))
    #expect(written(at: .seconds(6))?.active == [:])
  }

  @Test mutating func `an acknowledgement does not wait for that`() throws {
    book.observe(try router(10))
    book.want(NodeReport(entry: entry(4), active: active("a")), of: "r", at: .zero)
    write(at: .zero, version: 11)
    book.want(NodeReport(entry: entry(4)), of: "r", at: .seconds(5))
    book.want(NodeReport(entry: entry(5)), of: "r", at: .seconds(5))
    #expect(written(at: .seconds(5))?.entry == entry(5))
  }

  @Test mutating func `a takeover is written although another node says that it is Active`() throws
  {
    book.observe(try router(10, .init(active: active("b"), nodes: [entry(4)])))
    book.want(NodeReport(entry: entry(4), active: active("a")), of: "r", at: .zero)
    write(at: .zero, version: 11)
    // Both say it: that is written again, and not all the time.
    book.observe(try router(12, .init(active: active("b"), nodes: [entry(4)])))
    #expect(book.next(at: .seconds(1)) == .wait(until: StatusBook.contestPeriod))
    #expect(written(at: StatusBook.contestPeriod) != nil)
  }

  @Test mutating func `what another node says of a conflict stays`() throws {
    let address = try #require(IPAddress("192.0.2.100"))
    let (one, two) = (
      try #require(MACAddress("02:00:00:00:00:01")), try #require(MACAddress("02:00:00:00:00:02"))
    )
    book.observe(try router(10, .init(nodes: [entry(4)], conflicts: [.init(address, by: one)])))
    book.want(
      NodeReport(entry: entry(4), conflicts: [.init(address, by: two)]), of: "r", at: .zero)
    write(at: .zero, version: 10)
    #expect(book.next(at: .seconds(1)) == .nothing)
    book.observe(try router(12, .init(nodes: [entry(4)])))
    #expect(written(at: .seconds(2))?.conflicts == [.init(address, by: two)])
  }

  @Test mutating func `a write that has failed is made again, later each time`() throws {
    book.observe(try router(10))
    book.want(NodeReport(entry: entry(0)), of: "r", at: .zero)
    var now = Duration.zero
    var delays: [Duration] = []
    for _ in 0..<4 {
      guard case .write(let write) = book.next(at: now) else {
        Issue.record("nothing is written")
        return
      }
      book.failed(write, .timeout(after: .seconds(10)), at: now, jitter: { 1 })
      guard case .wait(let end) = book.next(at: now) else {
        Issue.record("it does not wait")
        return
      }
      delays.append(end - now)
      now = end
    }
    #expect(delays == delays.sorted() && Set(delays).count == 4)
  }

  @Test mutating func `about a router that the server does not have nothing is written`() throws {
    book.observe(try router(10))
    book.want(NodeReport(entry: entry(0)), of: "r", at: .zero)
    guard case .write(let write) = book.next(at: .zero) else {
      Issue.record("nothing is written")
      return
    }
    book.failed(write, .status(APIStatus(code: 404)), at: .zero, jitter: { 0 })
    #expect(book.next(at: .seconds(100)) == .nothing)
    // Another one of that name.
    book.observe(try router(20, uid: "2"))
    book.want(NodeReport(entry: entry(0)), of: "r", at: .seconds(100))
    #expect(written(at: .seconds(100)) != nil)
  }

  @Test mutating func `a router that goes back and forth is not written about all the time`() throws
  {
    book.observe(try router(10))
    var count = 0
    for step in 0..<1000 {
      let now = Duration.milliseconds(100) * step
      book.want(
        NodeReport(entry: entry(4, "problem \(step)")), of: "r", at: now)
      guard case .write(let write) = book.next(at: now) else { continue }
      count += 1
      book.wrote(write, version: "\(11 + step)")
    }
    // 10 at once, and one every other second.
    #expect((40...65).contains(count))
  }

  @Test func `the body has the node's own part and nothing else`() throws {
    let write = StatusBook.StatusWrite(
      name: "r", uid: "1",
      report: NodeReport(
        entry: entry(4, "eth0 is down"), active: active("a", since: "2026-01-01T00:00:00Z")))
    let text = String(decoding: try StatusWriter.body(write).encoded(), as: UTF8.self)
    #expect(
      text == #"{"apiVersion":"vipctl.io/v1alpha1","kind":"VirtualRouter","#
        + #""metadata":{"name":"r","uid":"1"},"status":{"active":{"ipv4":{"node":"a","#
        + #""since":"2026-01-01T00:00:00Z"}},"nodes":[{"generation":4,"node":"a","#
        + #""problem":"eth0 is down"}]}}"#)
    let empty = StatusWriter.body(
      StatusBook.StatusWrite(name: "r", uid: "1", report: NodeReport()))
    #expect(String(decoding: try empty.encoded(), as: UTF8.self).hasSuffix(#""status":{}}"#))
  }

  @Test func `each node has a field manager of its own, of a length that the API takes`() {
    let long = String(repeating: "n", count: 240)
    let names = ["a", "b", long + "a", long + "b"].map {
      ClientConfiguration.fieldManager(ofSpeakerOn: $0)
    }
    #expect(Set(names).count == 4 && names.allSatisfy { $0.utf8.count <= 128 })
    #expect(names[0] == "vipctl-speaker-a")
  }
}
