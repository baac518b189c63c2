import VIPCore

/// What is known of another program that writes the addresses of a Service.
struct Contest: Sendable, Hashable {
  /// Its name among the field managers, if that is known.
  var manager: String?
  /// The addresses that this program writes.
  var ingress: [IPAddress]
  /// How often they have been overwritten.
  var rounds = 0
  /// Whether that has happened since the last half minute began.
  var isFresh = true
  /// Whether they may be written once more before the next half minute begins.
  var mayAnswer = true

  /// How often they are written again at once.
  static let roundsMax = 4

  /// Whether the two programs could go on without end.
  var isEndless: Bool { rounds > Self.roundsMax }
}

// Services whose addresses another program writes, too: another load balancer that is the default
// one, as a rule. What it has written is overwritten at once a few times, as what a person has
// written by mistake. Then the Service says so, and it is overwritten once in half a minute.
extension Allocator {
  /// What is known of a contest after a Service has been seen again.
  func contest(
    over service: ServiceState, after before: ServiceState, by manager: String?
  ) -> Contest? {
    guard service.wantsAddresses, !before.held.isEmpty else { return nil }
    guard !before.isAhead, !before.isUncertain, let ingress = service.published?.ingress,
      ingress != before.held
    else { return before.contest }
    var contest = before.contest ?? Contest(ingress: before.held)
    contest.ingress = before.held
    contest.manager = manager ?? contest.manager
    contest.isFresh = true
    // Otherwise it has been overwritten before, and not been written again yet.
    if before.published?.ingress == before.held {
      contest.rounds += 1
      if contest.rounds <= Contest.roundsMax + 1 { contest.mayAnswer = true }
    }
    return contest
  }

  /// Whether a write has to wait for the next half minute: one that makes nothing different but
  /// what another program has written.
  func isPutOff(_ update: ServiceUpdate, of service: ServiceState) -> Bool {
    guard let contest = service.contest, contest.isEndless, !contest.mayAnswer else { return false }
    return update.ingress == contest.ingress
  }

  /// Has what was put off written, and forgets contests in which nothing has happened for half a
  /// minute.
  mutating func reviewContests() {
    for key in contested {
      if services[key]?.contest?.isFresh == true {
        services[key]?.contest?.isFresh = false
        services[key]?.contest?.mayAnswer = true
        dirtyServices.insert(key)
      } else {
        services[key]?.contest = nil
        contested.remove(key)
      }
      if services[key] != nil { dirtyVerdicts.insert(key) }
    }
  }

  /// What a Service says of a contest without end; `nil` if there is none.
  func contestMessage(of service: ServiceState) -> String? {
    guard let contest = service.contest, contest.isEndless else { return nil }
    let manager = contest.manager.map { "the program \($0)" } ?? "another program"
    return "\(manager.prefix(150)) writes other addresses into the status again and again; let "
      + "only one of the two serve Services without a class, or make the Service with a "
      + "spec.loadBalancerClass"
  }
}
