import VIPCore
import VRRP

/// Values from literals.
func address(_ text: String) -> IPAddress {
  guard let address = IPAddress(text) else { preconditionFailure("bad literal \(text)") }
  return address
}

func vrid(_ number: Int) -> VRID {
  guard let vrid = VRID(exactly: number) else { preconditionFailure("bad VRID \(number)") }
  return vrid
}

func interval(_ duration: Duration) -> AdvertisementInterval {
  guard let interval = AdvertisementInterval(duration) else {
    preconditionFailure("bad interval \(duration)")
  }
  return interval
}

extension Instant {
  /// Milliseconds since the clock's start.
  static func ms(_ milliseconds: UInt64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }
}
