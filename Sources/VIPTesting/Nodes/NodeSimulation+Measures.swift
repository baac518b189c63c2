import VIPCore

/// The service of an address from the first time on, on any segment, whatever happened to it.
struct AddressMeasure {
  var longestOverlap = Duration.zero
  var overlapSince: Instant?
  var longestOutage = Duration.zero
  var unservedSince: Instant?
  var wasServed = false
}

/// Measuring what clients see, also where nothing is promised.
extension NodeSimulation {
  /// Takes in how it stands with an address now.
  func measure(_ watch: WatchedAddress, holders: Int) {
    var measure = supervisor.measures[watch.address] ?? AddressMeasure()
    if holders > 1 {
      measure.overlapSince = measure.overlapSince ?? now
    } else if let since = measure.overlapSince {
      measure.longestOverlap = max(measure.longestOverlap, now - since)
      measure.overlapSince = nil
    }
    if isServed(watch.address, onSegment: watch.segment) {
      measure.wasServed = true
      if let since = measure.unservedSince {
        measure.longestOutage = max(measure.longestOutage, now - since)
      }
      measure.unservedSince = nil
    } else if measure.wasServed {
      measure.unservedSince = measure.unservedSince ?? now
    }
    supervisor.measures[watch.address] = measure
  }

  /// The longest time for which several machines have had an address.
  func longestOverlap(of address: IPAddress) -> Duration {
    guard let measure = supervisor.measures[address] else { return .zero }
    return max(measure.longestOverlap, measure.overlapSince.map { now - $0 } ?? .zero)
  }

  /// The longest time for which no client was served; `nil` if none ever was.
  func longestOutage(of address: IPAddress) -> Duration? {
    guard let measure = supervisor.measures[address], measure.wasServed else { return nil }
    return max(measure.longestOutage, measure.unservedSince.map { now - $0 } ?? .zero)
  }
}
