import ARP
import Testing
import VIPCore
import VIPTesting

@Suite struct AnnouncementTests {
  @Test func writesTheVectors() throws {
    let v4 = Announcement(.v4(vip4), at: vmac4)
    #expect(encoded(v4.byteCount) { v4.encode(into: &$0) } == Vector.a1)
    let v6 = Announcement(.v6(vip6), at: vmac6, isRouter: true)
    #expect(encoded(v6.byteCount) { v6.encode(into: &$0) } == Vector.n1)
    let linkLocal = try #require(IPAddress("fe80::5e00:251"))
    let n2 = Announcement(linkLocal, at: vmac6)
    #expect(n2.encodeFrame() == Vector.n2)
    #expect(n2.byteCount == Announcement.maximumByteCount)
  }
}

@Suite struct FakeWireTests {
  private let busy = FrameError(interface: "fake0", operation: "send", errorNumber: 105)

  @Test func recordsAndFailsOnOrder() throws {
    let wire = FakeWire()
    try wire.send(Announcement(.v4(vip4), at: vmac4))
    wire.failures = [busy]
    #expect(throws: busy) { try wire.send(Announcement(.v6(vip6), at: vmac6, isRouter: true)) }
    try wire.send(Announcement(.v6(vip6), at: vmac6, isRouter: true))
    #expect(wire.frames == [Vector.a1, Vector.n1])
    #expect(wire.claims.map(\.address) == [.v4(vip4), .v6(vip6)])
    wire.outage = FrameError(interface: "fake0", operation: "send", errorNumber: 100)
    #expect(throws: FrameError.self) { try wire.send(Announcement(.v4(vip4), at: vmac4)) }
    #expect(throws: FrameError.self) { try wire.drain(limit: 1) { _ in } }
    wire.removeAll()
    #expect(wire.frames.isEmpty)
  }

  @Test func deliversInOrderAndInPortions() throws {
    let wire = FakeWire()
    for frame in Vector.all { wire.deliver(frame) }
    var received: [[UInt8]] = []
    var counts: [Int] = []
    for _ in 0..<4 {
      counts.append(
        try wire.drain(limit: 3) { frame in
          received.append(frame.withUnsafeBufferPointer { Array($0) })
        })
    }
    #expect(counts == [3, 3, 1, 0] && received == Vector.all)
  }

  /// The numbers are Linux's: ENOBUFS 105, EAGAIN 11, ENETDOWN 100, ENXIO 6, ENODEV 19, EPERM 1.
  @Test(arguments: [
    (105 as Int32, FrameError.Cause.busy), (11, .busy), (100, .interfaceDown), (6, .interfaceGone),
    (19, .interfaceGone), (1, .permission), (22, .other),
  ])
  func errorsSayWhatToDo(number: Int32, cause: FrameError.Cause) {
    let error = FrameError(interface: "eth0", operation: "send", errorNumber: number)
    #expect(error.cause == cause && error.isTransient == (cause == .busy))
    #expect(error.description.hasPrefix("eth0: send: ") && !error.message.isEmpty)
  }

  @Test func errorsQuoteTheSystem() {
    #expect(busy.description == "fake0: send: No buffer space available")
  }
}
