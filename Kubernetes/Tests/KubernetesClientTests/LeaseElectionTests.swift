import Testing

@testable import KubernetesClient

@Suite struct LeaseElectionTests {
  /// A Lease in memory, candidates with clocks of their own, and what each believes.
  private struct World {
    var lease: Lease?
    var version = 0
    var candidates: [String: LeaseElection] = [:]

    init(_ names: String...) {
      for name in names { candidates[name] = LeaseElection(identity: name) }
    }

    mutating func write(_ write: LeaseWrite) -> Result<ObjectReference, APIError> {
      guard write.basedOn == lease?.metadata.resourceVersion else {
        return .failure(.status(APIStatus(code: 409, reason: "Conflict")))
      }
      version += 1
      let reference = ObjectReference(ObjectName("l"), uid: "u", resourceVersion: "\(version)")
      lease = Lease(
        metadata: reference, holder: write.holder, duration: write.duration,
        renewed: "\(version)", transitions: write.transitions)
      return .success(reference)
    }

    /// Has a candidate do what it wants to do until it waits; what it does takes no time.
    mutating func act(_ name: String, at now: Duration) {
      guard var election = candidates[name] else { return }
      defer { candidates[name] = election }
      while true {
        switch election.next(at: now) {
        case .wait, .finish: return
        case .read: election.read(lease, at: now)
        case .write(let write):
          switch self.write(write) {
          case .success(let reference):
            election.wrote(write, reference, sentAt: now, at: now)
          case .failure(let error): election.failed(error, at: now)
          }
        }
      }
    }

    func isLeading(_ name: String, at now: Duration) -> Bool {
      candidates[name]?.isLeading(at: now) == true
    }
  }

  private static func seconds(_ range: ClosedRange<Int>) -> [Duration] {
    range.map { .seconds($0) }
  }

  @Test func aLeaseThatIsMissingIsMadeAndKeptForAWhileFirst() {
    var world = World("a", "b")
    for time in Self.seconds(0...14) {
      world.act("a", at: time)
      world.act("b", at: time)
      #expect(world.lease?.holder == "a" && world.lease?.duration == .seconds(15))
      #expect(!world.isLeading("a", at: time))
    }
    #expect(world.candidates["a"]?.state == .claiming(until: .seconds(22)))
    world.act("a", at: .seconds(15))
    #expect(world.candidates["a"]?.state == .leading(until: .seconds(25)))
  }

  @Test func aNewLeaseIsKeptForAWhileAlsoWhenTheReplyIsLost() {
    var world = World("a")
    _ = world.candidates["a"]?.next(at: .zero)
    world.candidates["a"]?.read(nil, at: .zero)
    guard case .write(let write) = world.candidates["a"]?.next(at: .zero) else {
      return #expect(Bool(false))
    }
    world.candidates["a"]?.failed(.timeout(after: .seconds(5)), at: .seconds(5))
    _ = world.write(write)
    for time in Self.seconds(6...40) {
      world.act("a", at: time)
      #expect(world.isLeading("a", at: time) == (time >= .seconds(22)), "\(time)")
    }
  }

  @Test func aLeaseThatWasGivenBackIsTakenAtOnce() {
    var world = World("a", "b")
    world.lease = Lease(metadata: ObjectReference(ObjectName("l"), resourceVersion: "0"))
    world.act("a", at: .zero)
    #expect(world.isLeading("a", at: .seconds(9.9)) && !world.isLeading("a", at: .seconds(10)))
    world.act("b", at: .seconds(1))
    #expect(world.candidates["b"]?.state == .following)
    world.candidates["a"]?.stop()
    world.act("a", at: .seconds(2))
    #expect(world.candidates["a"]?.state == .stopped && world.lease?.holder == "")
    world.act("b", at: .seconds(6))
    #expect(world.isLeading("b", at: .seconds(6)))
    #expect(world.lease?.transitions == 2)
  }

  @Test func aHolderThatRenewsStaysIt() {
    var world = World("a", "b")
    for time in Self.seconds(0...100) {
      world.act("a", at: time)
      world.act("b", at: time)
      if time >= .seconds(15) { #expect(world.isLeading("a", at: time)) }
      #expect(!world.isLeading("b", at: time))
    }
    #expect(world.version > 25 && world.version < 35)
  }

  @Test func aDeadHolderIsSucceededAfterItsTimeAndNoSooner() {
    var world = World("a", "b")
    for time in Self.seconds(0...20) {
      world.act("a", at: time)
      world.act("b", at: time)
    }
    // Renewed last at 18 s.
    for time in Self.seconds(21...60) {
      world.act("b", at: time)
      if time < .seconds(33) { #expect(world.lease?.holder == "a") }
      if time >= .seconds(40) { #expect(world.lease?.holder == "b") }
    }
    #expect(world.isLeading("b", at: .seconds(60)))
    // What was cut off for a while does not act, and does not come back.
    #expect(!world.isLeading("a", at: .seconds(28)))
    world.act("a", at: .seconds(61))
    #expect(world.candidates["a"]?.state == .following && world.lease?.holder == "b")
  }

  @Test func timesOfOtherMachinesDoNotMatter() throws {
    var election = LeaseElection(identity: "b")
    for (number, renewed) in ["1970-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z", ""]
      .enumerated()
    {
      let now = Duration.seconds(20 * number)
      let lease = Lease(
        metadata: ObjectReference(ObjectName("l"), resourceVersion: "\(number)"), holder: "a",
        duration: .seconds(15), renewed: renewed)
      _ = election.next(at: now)
      election.read(lease, at: now)
      guard case .wait = election.next(at: now) else { return #expect(Bool(false)) }
      election.read(lease, at: now + .seconds(14.9))
      guard case .wait = election.next(at: now + .seconds(14.9)) else {
        return #expect(Bool(false))
      }
      election.read(lease, at: now + .seconds(15))
      guard case .write = election.next(at: now + .seconds(15)) else { return #expect(Bool(false)) }
    }
  }

  @Test func aRenewalCountsFromBeforeItWasSent() {
    var election = LeaseElection(identity: "a")
    let reference = ObjectReference(ObjectName("l"), resourceVersion: "1")
    election.read(Lease(metadata: reference), at: .zero)
    guard case .write(let write) = election.next(at: .zero) else { return #expect(Bool(false)) }
    election.wrote(write, reference, sentAt: .zero, at: .seconds(8))
    #expect(election.state == .leading(until: .seconds(10)))
    // A reply that comes when the time is over gives nothing.
    guard case .write(let renewal) = election.next(at: .seconds(8)) else {
      return #expect(Bool(false))
    }
    election.wrote(renewal, reference, sentAt: .seconds(8), at: .seconds(18))
    #expect(!election.isLeading(at: .seconds(18)))
    #expect(election.next(at: .seconds(18)) == .read)
  }

  @Test func aRenewalWhoseReplyIsLostCostsNothing() {
    var world = World("a")
    for time in Self.seconds(0...15) { world.act("a", at: time) }
    guard case .write(let write) = world.candidates["a"]?.next(at: .seconds(18)) else {
      return #expect(Bool(false))
    }
    _ = world.write(write)
    world.candidates["a"]?.failed(.timeout(after: .seconds(5)), at: .seconds(23))
    #expect(world.isLeading("a", at: .seconds(24.9)) && !world.isLeading("a", at: .seconds(25)))
    world.act("a", at: .seconds(24.9))
    #expect(world.isLeading("a", at: .seconds(24.9)))
    // The attempt is due two seconds after the failure, when the time is over. The Lease is its own
    // still.
    world.act("a", at: .seconds(25))
    #expect(world.isLeading("a", at: .seconds(34.9)))
    #expect(world.lease?.holder == "a" && world.lease?.transitions == 0)
  }

  @Test func aHolderWhoseLeaseIsTakenStopsAtOnce() {
    var world = World("a")
    for time in Self.seconds(0...15) { world.act("a", at: time) }
    _ = world.write(
      LeaseWrite(
        basedOn: world.lease?.metadata.resourceVersion, holder: "x", duration: .seconds(15),
        isAcquisition: true, transitions: 1))
    world.act("a", at: .seconds(18))
    #expect(world.candidates["a"]?.state == .following)
    #expect(world.candidates["a"]?.holder == "x")
  }

  @Test func aLeaseThatIsDeletedIsNotTakenByAnotherWhileItsHolderActs() {
    var world = World("a", "b")
    for time in Self.seconds(0...18) {
      world.act("a", at: time)
      world.act("b", at: time)
    }
    world.lease = nil
    for time in Self.seconds(19...60) {
      world.act("b", at: time)
      #expect(!(world.isLeading("a", at: time) && world.isLeading("b", at: time)))
    }
    #expect(world.isLeading("b", at: .seconds(60)))
  }

  @Test func errorsOfTheServerEndTheRightToActOnlyWithTime() {
    var world = World("a")
    for time in Self.seconds(0...15) { world.act("a", at: time) }
    var now = Duration.seconds(18)
    while now < .seconds(25) {
      #expect(world.isLeading("a", at: now))
      switch world.candidates["a"]?.next(at: now) {
      case .wait(let end): now = end
      case nil, .finish: return #expect(Bool(false))
      case .read, .write:
        world.candidates["a"]?.failed(.status(APIStatus(code: 500)), at: now)
      }
    }
    #expect(!world.isLeading("a", at: now))
    #expect(world.candidates["a"]?.next(at: now) != .finish)
    #expect(world.candidates["a"]?.state == .uncertain)
  }

  @Test func stoppingTakesOneAttempt() {
    var world = World("a", "b")
    for time in Self.seconds(0...15) { world.act("a", at: time) }
    world.act("b", at: .seconds(15))
    world.candidates["b"]?.stop()
    #expect(world.candidates["b"]?.next(at: .seconds(16)) == .finish)
    world.candidates["a"]?.stop()
    guard case .write(let write) = world.candidates["a"]?.next(at: .seconds(16)) else {
      return #expect(Bool(false))
    }
    #expect(write.holder == "")
    world.candidates["a"]?.failed(.unreachable(""), at: .seconds(17))
    #expect(world.candidates["a"]?.next(at: .seconds(17)) == .finish)
  }

  @Test func timesHaveRoomForEachOther() {
    func make(_ duration: Double, _ deadline: Double, _ renewal: Double, _ retry: Double) -> Bool {
      LeaseTiming(
        duration: .seconds(duration), deadline: .seconds(deadline), renewal: .seconds(renewal),
        retry: .seconds(retry), poll: .seconds(1)) != nil
    }
    #expect(make(15, 10, 3, 2) && make(15, 12, 3, 2) && make(1, 0.8, 0.2, 0.1))
    #expect(!make(15, 12.1, 3, 2) && !make(15, 5, 3, 2) && !make(1.5, 1, 0.2, 0.1))
    #expect(!make(15, 10, 0, 2) && !make(15, 10, 3, 0))
  }
}
