import TestSupport
import Testing
import VIPCore

@Suite struct InstantTests {
  private let last = Instant(nanoseconds: .max)

  @Test func addsAndSubtractsDurations() {
    let start = Instant(nanoseconds: 5_000_000_000)
    #expect(start + .milliseconds(1) == Instant(nanoseconds: 5_001_000_000))
    #expect(start + .milliseconds(-1) == Instant(nanoseconds: 4_999_000_000))
    #expect((start + .seconds(2)) - start == .seconds(2))
    #expect(start - (start + .seconds(2)) == .seconds(-2))
    #expect(start.nanoseconds(since: start + .seconds(1)) == 0)
    #expect((start + .nanoseconds(3)).nanoseconds(since: start) == 3)
    #expect(Instant.zero < start && !(start < start))
  }

  @Test func stopsAtTheEndsOfTheRange() {
    let start = Instant(nanoseconds: 5)
    let endless = Duration(secondsComponent: .max, attosecondsComponent: 0)
    #expect(start.advanced(byNanoseconds: .max) == last)
    #expect(start + endless == last)
    #expect(start + (endless + endless) == last)
    #expect(start + .seconds(-1) == .zero)
    #expect(start + (.zero - endless) == .zero)
    #expect(last + Duration(secondsComponent: .min, attosecondsComponent: 0) == .zero)
    #expect(last - .zero == .nanoseconds(Int64.max))
    #expect(Instant.zero - last == .nanoseconds(-Int64.max))
    // One second short of the range, plus a fraction that passes it.
    #expect(Instant.zero + .seconds(18_446_744_073) + .milliseconds(800) == last)
  }

  @Test func durationsSaturate() {
    #expect(Duration.seconds(-3).inNanoseconds == 0)
    #expect(Duration.nanoseconds(7).inNanoseconds == 7)
    #expect((Duration.nanoseconds(7) / 2).inNanoseconds == 3)
    #expect((Duration.seconds(18_446_744_073) + .milliseconds(700)).inNanoseconds < .max)
    #expect((Duration.seconds(18_446_744_073) + .milliseconds(800)).inNanoseconds == .max)
    #expect(Duration(secondsComponent: .max, attosecondsComponent: 0).inNanoseconds == .max)
  }
}

@Suite struct DurationTextTests {
  @Test(arguments: [
    ("1s", Duration.seconds(1), "1s"), ("250ms", .milliseconds(250), "250ms"),
    ("1.5s", .milliseconds(1500), "1.5s"), ("40.95s", .milliseconds(40_950), "40.95s"),
    ("10ms", .milliseconds(10), "10ms"), ("0.5s", .milliseconds(500), "500ms"),
    ("0s", .zero, "0s"), ("0ms", .zero, "0s"), ("7ns", .nanoseconds(7), "7ns"),
    ("1.5us", .nanoseconds(1500), "1.5us"), ("1000ms", .seconds(1), "1s"),
    ("2m", .seconds(120), "120s"), ("2min", .seconds(120), "120s"), ("5sec", .seconds(5), "5s"),
    ("1.5h", .seconds(5400), "5400s"),
    ("1.000000001s", .nanoseconds(1_000_000_001), "1.000000001s"),
    ("1.05ms", .microseconds(1050), "1.05ms"), ("007s", .seconds(7), "7s"),
    ("0.0000000019s", .nanoseconds(1), "1ns"),
    ("0.000000000001h", .nanoseconds(3), "3ns"),
  ])
  func readsAndWrites(text: String, duration: Duration, canonical: String) {
    #expect(Duration(text: text) == duration)
    #expect(duration.text == canonical)
    #expect(Duration(text: canonical) == duration)
  }

  @Test(arguments: [
    "", "1", "s", "ms", ".", ".s", "1.s", ".5s", "1..5s", "1.2.3s", "-1s", "+1s", " 1s", "1s ",
    "1 s",
    "1S", "1secs", "1Min", "1e3s", "0x1s", "1s1s", "1,5s", "١s", "1d", "1234567890123s",
    "0.1234567890123s",
    "9223372037s", "999999999999h", "999999999999s",
  ])
  func refusesOtherText(text: String) {
    #expect(Duration(text: text) == nil)
  }

  @Test func readsUpToTheLastNanosecond() {
    #expect(Duration(text: "9223372036.854775807s") == .nanoseconds(Int64.max))
    #expect(Duration(text: "9223372036.854775808s") == nil)
    #expect(Duration.nanoseconds(Int64.max).text == "9223372036.854775807s")
  }

  /// Binary fractions would lose a nanosecond in some of these.
  @Test func everyHundredthReadsBack() {
    for hundredths in 1...4095 {
      let duration = Duration.milliseconds(hundredths * 10)
      #expect(Duration(text: duration.text) == duration)
    }
  }

  @Test func everyTextReadsBack() {
    var random = SplitMix64(seed: 40_95)
    for _ in 0..<5000 {
      let shift = random.next() % 63 + 1
      let duration = Duration.nanoseconds(Int64(random.next() >> shift))
      #expect(Duration(text: duration.text) == duration)
    }
  }
}

@Suite struct TimestampTests {
  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z"), (951_782_399_999, "2000-02-28T23:59:59.999Z"),
    (951_782_400_000, "2000-02-29T00:00:00.000Z"), (951_868_800_001, "2000-03-01T00:00:00.001Z"),
    (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
    (1_735_689_599_000, "2024-12-31T23:59:59.000Z"),
    (1_764_000_000_123, "2025-11-24T16:00:00.123Z"),
    (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
  ])
  func `dates are those of the calendar`(milliseconds: UInt64, text: String) {
    let time = Timestamp(nanosecondsSince1970: milliseconds * 1_000_000)
    #expect(time.milliseconds == text && time.description == text)
    #expect(time.seconds == String(text.prefix(19)) + "Z")
  }

  @Test func `no time is too late for a text`() {
    #expect(
      Timestamp(nanosecondsSince1970: .max).milliseconds == "2554-07-21T23:34:33.709Z")
  }

  @Test func `what is before 1970 is 1970`() {
    let time = Timestamp(nanosecondsSince1970: 2_000_000_000)
    #expect((time - .seconds(1)).seconds == "1970-01-01T00:00:01Z")
    #expect((time - .seconds(3)).nanoseconds == 0)
    #expect(time - .seconds(-1) == time)
  }
}
