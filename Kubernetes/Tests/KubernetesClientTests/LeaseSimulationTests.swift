import Testing

@testable import KubernetesClient

@Suite struct LeaseSimulationTests {
  @Test(arguments: 0..<200 as Range<UInt64>)
  func thereIsOneAtATimeWhateverHappens(seed: UInt64) {
    var simulation = LeaseSimulation(seed: seed)
    var led: Set<String> = []
    for _ in 0..<5000 {
      simulation.step()
      let leading = simulation.leading
      led.formUnion(leading)
      guard leading.count <= 1 else {
        Issue.record("at \(simulation.now) \(leading.sorted()) lead")
        return
      }
    }
    #expect(!led.isEmpty)
  }
}

/// Candidates whose clocks run differently fast, that stand still for a while, and a server that
/// does what it is asked to late, or without saying so, and loses the Lease from time to time.
private struct LeaseSimulation {
  private struct Candidate {
    var election: LeaseElection
    var rate: Double
    var offset: Duration
    var isBackAt: Duration = .zero
    var request: Request?

    func time(_ now: Duration) -> Duration { now * rate + offset }
  }

  private struct Request {
    var write: LeaseWrite
    var sent: Duration
    /// When the server carries it out.
    var carriedOutAt: Duration
    /// When the candidate hears of it.
    var repliedAt: Duration
    var result: Result<ObjectReference, APIError>?
  }

  private(set) var now: Duration = .zero
  private var chance: Chance
  private var lease: Lease?
  private var version = 0
  private var candidates: [Candidate] = []
  /// Requests whose senders have given them up.
  private var ghosts: [Request] = []

  init(seed: UInt64) {
    chance = Chance(seed: seed)
    for (name, rate) in [("a", 0.95), ("b", 1), ("c", 1.05)] {
      candidates.append(
        Candidate(
          election: LeaseElection(identity: name), rate: rate,
          offset: .seconds(Int(chance.next(of: 1000)))))
    }
  }

  var leading: Set<String> {
    Set(candidates.filter { $0.election.isLeading(at: $0.time(now)) }.map(\.election.identity))
  }

  mutating func step() {
    now += .milliseconds(100)
    if chance.next(of: 500) == 0 { lease = nil }
    for place in ghosts.indices.reversed() where ghosts[place].carriedOutAt <= now {
      _ = carryOut(ghosts.remove(at: place).write)
    }
    for place in candidates.indices { step(place) }
  }

  private mutating func step(_ place: Int) {
    if let request = candidates[place].request, request.result == nil, request.carriedOutAt <= now {
      let result = carryOut(request.write)
      candidates[place].request?.result = result
    }
    guard candidates[place].isBackAt <= now else { return }
    if chance.next(of: 400) == 0 {
      candidates[place].isBackAt = now + .milliseconds(Int(chance.next(of: 30_000)))
      return
    }
    let time = candidates[place].time(now)
    if let request = candidates[place].request {
      guard request.repliedAt <= now || time - request.sent >= .seconds(5) else { return }
      finish(place, request, at: time)
    }
    switch candidates[place].election.next(at: time) {
    case .read:
      if chance.next(of: 20) == 0 {
        candidates[place].election.failed(.broken(""), at: time)
      } else {
        candidates[place].election.read(lease, at: time)
      }
    case .write(let write):
      let delay = Duration.milliseconds(
        Int(chance.next(of: chance.next(of: 5) == 0 ? 20_000 : 300)))
      let way = Duration.milliseconds(Int(chance.next(of: 1000)))
      candidates[place].request = Request(
        write: write, sent: time, carriedOutAt: now + delay, repliedAt: now + delay + way)
    case .wait, .finish: break
    }
  }

  private mutating func finish(_ place: Int, _ request: Request, at time: Duration) {
    candidates[place].request = nil
    switch request.result {
    case nil:
      ghosts.append(request)
      candidates[place].election.failed(.timeout(after: .seconds(5)), at: time)
    case .success(let reference) where request.repliedAt <= now && chance.next(of: 10) != 0:
      candidates[place].election.wrote(request.write, reference, sentAt: request.sent, at: time)
    case .success: candidates[place].election.failed(.broken(""), at: time)
    case .failure(let error): candidates[place].election.failed(error, at: time)
    }
  }

  private mutating func carryOut(_ write: LeaseWrite) -> Result<ObjectReference, APIError> {
    guard write.basedOn == lease?.metadata.resourceVersion else {
      return .failure(.status(APIStatus(code: 409, reason: "Conflict")))
    }
    version += 1
    let reference = ObjectReference(ObjectName("l"), resourceVersion: "\(version)")
    lease = Lease(
      metadata: reference, holder: write.holder, duration: write.duration,
      renewed: "\(version)", transitions: write.transitions)
    return .success(reference)
  }
}
