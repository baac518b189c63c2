import VIPCore
import VRRP

/// Telling people what is wrong on the segment: once when it begins, once when it is over.
extension Engine {
  /// For how many of the router's intervals a trouble is remembered.
  private static let memoryInIntervals = 4

  /// Takes in what an advertisement told beside which router is Active.
  ///
  /// Costs nothing while nothing is wrong.
  func handleFindings(
    _ findings: Findings, _ advertisement: Advertisement, from source: IPAddress,
    of instance: RouterInstance
  ) {
    guard !findings.isEmpty else { return }
    var rest = findings.rawValue
    while rest != 0 {
      let finding = Findings(rawValue: 1 << UInt16(rest.trailingZeroBitCount))
      rest &= rest - 1
      tell(.finding(finding), from: source, of: instance) {
        $0.sentence(finding, advertisement, from: source)
      }
    }
  }

  /// Takes in that a machine advertises that is not among a unicast router's peers.
  func handleUnlistedPeer(_ source: IPAddress, of instance: RouterInstance) {
    tell(.unlistedPeer, from: source, of: instance) { $0.unlistedPeer(source) }
  }

  /// Takes in that advertisements for a router can't be acted upon.
  func handleUnusable(
    _ error: AdvertisementError, from source: IPAddress, of instance: RouterInstance
  ) {
    tell(.unusable, from: source, of: instance) { $0.unusable(error, from: source) }
  }

  /// Reports a trouble if it is news.
  private func tell(
    _ kind: Troubles.Kind, from source: IPAddress, of instance: RouterInstance,
    _ sentence: (TroubleText) -> String
  ) {
    let news = instance.troubles.record(kind, from: source, at: now) {
      sentence(instance.troubleText)
    }
    guard let news else { return }
    warn(Problem.Kind(kind), of: instance, news)
    arm(instance, by: instance.troubles.deadline)
  }

  /// Forgets what has not been seen for a while; ``reviewProblems()`` tells that it is over.
  func reviewTroubles(of instance: RouterInstance) {
    guard let deadline = instance.troubles.deadline, deadline <= now else { return }
    let memory = instance.longestInterval(at: now) * Self.memoryInIntervals
    instance.troubles.review(at: now, memory: memory)
  }
}

extension RouterInstance {
  /// The sentences about its troubles.
  fileprivate var troubleText: TroubleText {
    TroubleText(
      settings: settings, isActive: isHolding, addressCount: outgoing.listedAddresses.count,
      checksumForm: election.checksumFormToSend)
  }
}
