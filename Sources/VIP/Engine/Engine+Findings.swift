import VIPCore
import VRRP

/// Telling people what is wrong on the segment: once when it begins, once when it is over.
extension Engine {
  /// The number of the router's intervals for which a trouble is remembered.
  private static let memoryInIntervals = 4

  /// Takes in what an advertisement told beside which router is Active.
  ///
  /// Costs nothing while nothing is wrong.
  func handleFindings(
    _ findings: Findings, _ advertisement: Advertisement, _ message: Span<UInt8>,
    from source: IPAddress, of instance: RouterInstance
  ) {
    let interval = advertisement.interval.duration
    var rest = findings.rawValue
    if rest != 0 {
      rest =
        instance.troubles.due(
          findings, from: source, interval: max(interval, instance.settings.interval.duration),
          at: now
        ).rawValue
    }
    let signature = rest == 0 ? 0 : Self.signature(advertisement, message)
    while rest != 0 {
      // Another group is told first: it explains the rest.
      let finding =
        rest & Findings.foreignGroup.rawValue != 0
        ? .foreignGroup : Findings(rawValue: 1 << UInt16(rest.trailingZeroBitCount))
      rest &= ~finding.rawValue
      let kind = Troubles.Kind.finding(finding)
      let isNews = instance.troubles.isNews(kind, from: source, signature: signature, at: now)
      // Addresses and a sentence are made for news only.
      let listed = isNews ? advertisement.addresses(in: message) : []
      tell(
        kind, from: source, every: interval, signature: signature, of: instance
      ) { $0.sentence(finding, advertisement, listing: listed, from: source) }
    }
    instance.troubles.heard(source, showing: findings)
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

  /// A number that is another one when what an advertisement says of its group is.
  private static func signature(_ advertisement: Advertisement, _ message: Span<UInt8>) -> Int {
    var hasher = Hasher()
    hasher.combine(AdvertisementTraits(advertisement))
    hasher.combine(advertisement.addressCount)
    let end =
      Advertisement.headerByteCount
      + advertisement.addressCount * advertisement.family.addressByteCount
    for index in Advertisement.headerByteCount..<min(end, message.count) {
      hasher.combine(message[index])
    }
    return hasher.finalize()
  }

  /// Reports a trouble if it is news.
  private func tell(
    _ kind: Troubles.Kind, from source: IPAddress, every interval: Duration = .zero,
    signature: Int = 0, of instance: RouterInstance, _ sentence: (TroubleText) -> String
  ) {
    let news = instance.troubles.note(
      kind, from: source, every: interval, signature: signature, at: now
    ) { sentence(instance.troubleText) }
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
      settings: settings, isActive: isHolding, addresses: outgoing.listedAddresses,
      checksumForm: election.checksumFormToSend)
  }
}
