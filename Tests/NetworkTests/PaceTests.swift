import Testing

@testable import TestSupport

/// What a busy machine adds to a bound, as values.
@Suite struct PaceTests {
  private static func at(_ milliseconds: Int64) -> Moment {
    Moment(nanoseconds: milliseconds * 1_000_000)
  }

  /// Pieces of work from 0 to 1000 ms, each due 20 ms after the one before was done.
  private func samples(_ lengths: Int64...) -> PaceSamples {
    var samples = PaceSamples()
    var now: Int64 = 0
    var index = 0
    while now < 1000 {
      samples.begin(at: Self.at(now + 20))
      now += 20 + lengths[index % lengths.count]
      samples.end(at: Self.at(now))
      index += 1
    }
    return samples
  }

  @Test func `an idle machine adds nothing, nor does a fast one or one that was not looked at`() {
    for samples in [samples(2), samples(1), PaceSamples()] {
      #expect(samples.reading(from: Self.at(200), to: Self.at(400)) == Pace.Reading())
    }
  }

  @Test func `where work takes three times as long, so does the machine's part of a bound`() {
    let reading = samples(6).reading(from: Self.at(200), to: Self.at(400))
    #expect(reading == Pace.Reading(slowdown: 3, stall: .milliseconds(4)))
    #expect(reading.allowance(for: .milliseconds(100)) == .milliseconds(304))
  }

  @Test func `a stall is added once, where it was, and makes nothing else longer`() {
    // One piece of work in ten.
    let samples = samples(2, 2, 2, 2, 2, 2, 2, 2, 2, 102)
    // It was due at 218 ms.
    let during = samples.reading(from: Self.at(250), to: Self.at(300))
    #expect(during.stall == .milliseconds(100))
    let all = samples.reading(from: Self.at(0), to: Self.at(1000))
    #expect(all == Pace.Reading(slowdown: 1, stall: .milliseconds(100)))
    #expect(samples.reading(from: Self.at(60), to: Self.at(160)) == Pace.Reading())
  }

  @Test func `work that is not done yet counts for as long as it has been due`() {
    var samples = PaceSamples()
    samples.begin(at: .now + .seconds(-1))
    let reading = samples.reading(from: .now + .seconds(-1), to: .now)
    #expect(reading.stall > .milliseconds(990))
  }

  @Test func `what is within a bound needs no excuse, and what is far beyond it has none`() {
    let bound = Bound(.milliseconds(100), machine: .milliseconds(50))
    let start = Moment.now
    #expect(bound.objection(from: start, to: start + .milliseconds(149)) == nil)
    let objection = bound.objection(from: start + .seconds(-3600), to: start)
    #expect(objection?.contains(" are allowed (the machine is ") == true)
    #expect(Bound(machine: .zero).objection(from: start, to: start) == "at once")
  }

  @Test func `the pace of this machine is measured`() throws {
    Pace.start()
    let start = Moment.now
    pause(.milliseconds(100))
    let reading = Pace.reading(from: start)
    #expect(reading.slowdown >= 1 && reading.stall < .seconds(3600))
  }
}
