import Foundation
import Glibc
import Synchronization
package import VIPCore

/// A client that asks an address many times a second and notes when it is answered.
///
/// It works on a thread of its own that has moved to the client's namespace. Requests leave by a
/// raw socket; replies are read from a packet socket, which also tells the MAC address of the
/// machine that answered.
package final class Pinger: Sendable {
  /// The address it asks.
  package let target: IPAddress
  private let shared: Shared

  private final class Shared: Sendable {
    struct State {
      var answers: [PingReport.Answer] = []
      var sent = 0
      var failure: String?
      var stopped = false
    }
    let state = Mutex(State())
    let wish = Atomic<Bool>(false)
  }

  /// Starts to ask from a network namespace, every 2 ms unless told otherwise.
  package init(
    inNamespace namespace: String, to target: IPAddress, every interval: Duration = .milliseconds(2)
  ) throws {
    Pace.start()
    self.target = target
    let shared = Shared()
    self.shared = shared
    let thread = Thread {
      do {
        let probe = try EchoProbe(namespace: namespace, target: target)
        Self.loop(probe, every: interval, shared)
      } catch {
        shared.state.withLock { $0.failure = "\(error)" }
      }
      shared.state.withLock { $0.stopped = true }
    }
    thread.name = "pinger"
    thread.start()
  }

  deinit {
    shared.wish.store(true, ordering: .relaxed)
  }

  /// What it has seen so far.
  package func report() throws -> PingReport {
    try shared.state.withLock { state in
      if let failure = state.failure { throw LabError("pinger to \(target): \(failure)") }
      return PingReport(answers: state.answers, sent: state.sent)
    }
  }

  /// Stops, and tells all it has seen.
  package func stop() throws -> PingReport {
    shared.wish.store(true, ordering: .relaxed)
    try eventually("the pinger to \(target) stops") {
      shared.state.withLock { $0.stopped }
    }
    return try report()
  }

  /// Waits for the first answer after a moment.
  @discardableResult
  package func waitForAnswer(
    after moment: Moment = .now, within limit: Duration = .seconds(10)
  ) throws -> PingReport.Answer {
    try eventually("\(target) answers", within: limit, poll: .milliseconds(1)) {
      try report().answers.first { $0.at > moment }
    }
  }

  private static func loop(_ probe: EchoProbe, every interval: Duration, _ shared: Shared) {
    var next = Moment.now
    while !shared.wish.load(ordering: .relaxed) {
      let now = Moment.now
      if now >= next {
        probe.send()
        shared.state.withLock { $0.sent += 1 }
        // A late turn is made up for by the next one, but never by a burst.
        next = max(next + interval, now)
      }
      probe.wait(next - .now)
      while let answer = probe.receive() {
        shared.state.withLock { $0.answers.append(answer) }
      }
    }
  }
}

/// What a ``Pinger`` saw.
package struct PingReport: Sendable {
  /// A reply.
  package struct Answer: Sendable {
    /// When it came, by the kernel's clock: that the pinger had to wait does not make it later.
    package let at: Moment
    /// The machine that sent it.
    package let mac: MACAddress
  }

  /// A time without replies, between two that came.
  package struct Outage: Sendable {
    /// The last reply before.
    package let from: Moment
    /// The first reply after.
    package let to: Moment
    /// How long no machine answered.
    package var length: Duration { to - from }
  }

  /// All replies, oldest first.
  package let answers: [Answer]
  /// How many requests were sent.
  package let sent: Int

  /// The times without a reply that were longer than some limit.
  package func outages(longerThan limit: Duration) -> [Outage] {
    zip(answers, answers.dropFirst())
      .map { Outage(from: $0.at, to: $1.at) }
      .filter { $0.length > limit }
  }

  /// The longest time without a reply.
  package var longestOutage: Duration {
    outages(longerThan: .zero).map(\.length).max() ?? .zero
  }

  /// The times without a reply that were longer than a bound allows, and why they were.
  package func outages(over bound: Bound) -> [String] {
    outages(longerThan: .zero).compactMap { bound.objection(from: $0.from, to: $0.to) }
  }

  /// The machines that answered, each once for every time it took over.
  package var holders: [MACAddress] {
    answers.reduce(into: []) { holders, answer in
      if holders.last != answer.mac { holders.append(answer.mac) }
    }
  }
}
