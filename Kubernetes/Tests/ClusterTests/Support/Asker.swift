import Foundation
import Glibc
import Synchronization
import VIPCore

/// A client that asks a web server every 10 ms, each time by a connection of its own, and notes
/// when it is answered and what.
final class Asker: Sendable {
  /// The address it asks.
  let target: IPAddress
  private let shared = Shared()

  private final class Shared: Sendable {
    struct State {
      var replies: [AskReport.Reply] = []
      var sent = 0
      var failure: String?
      var isOver = false
    }
    let state = Mutex(State())
    let wish = Atomic<Bool>(false)
  }

  /// Starts to ask from a namespace.
  init(
    inNamespace namespace: String, to target: IPAddress, port: UInt16 = 80,
    every interval: Duration = .milliseconds(10)
  ) throws {
    Pace.start()
    self.target = target
    let shared = shared
    let thread = Thread {
      let outcome = Result {
        try enterNamespace(namespace)
        var asking = Asking(target: target, port: port)
        Self.loop(&asking, every: interval, shared)
      }
      shared.state.withLock { state in
        if case .failure(let error) = outcome { state.failure = "\(error)" }
        state.isOver = true
      }
    }
    thread.name = "asker"
    thread.start()
  }

  deinit { shared.wish.store(true, ordering: .relaxed) }

  /// What it has heard so far.
  func report() throws -> AskReport {
    try shared.state.withLock { state in
      if let failure = state.failure { throw LabError("asking \(target): \(failure)") }
      return AskReport(replies: state.replies, sent: state.sent)
    }
  }

  /// Stops, and tells all it has heard.
  func stop() throws -> AskReport {
    shared.wish.store(true, ordering: .relaxed)
    try eventually("the client of \(target) stops") { shared.state.withLock { $0.isOver } }
    return try report()
  }

  /// Waits for the first reply to a request that was made after a moment.
  @discardableResult
  func waitForReply(
    after moment: Moment = .now, within limit: Duration = .seconds(30)
  ) throws -> AskReport.Reply {
    try eventually("\(target) replies", within: limit, poll: .milliseconds(10)) {
      try report().replies.last { $0.asked > moment }
    }
  }

  private static func loop(_ asking: inout Asking, every interval: Duration, _ shared: Shared) {
    var next = Moment.now
    while !shared.wish.load(ordering: .relaxed) {
      let now = Moment.now
      if now >= next {
        asking.begin()
        shared.state.withLock { $0.sent += 1 }
        // A late turn is made up for by the next one, but never by a burst.
        next = max(next + interval, now)
      }
      let replies = asking.turn(within: next - .now)
      if !replies.isEmpty { shared.state.withLock { $0.replies += replies } }
    }
  }
}

/// What an ``Asker`` has heard.
struct AskReport: Sendable {
  /// A reply of a pod.
  struct Reply: Sendable {
    /// When it was asked for.
    let asked: Moment
    /// When it was there.
    let at: Moment
    /// The node of the pod that replied.
    let node: String
    /// The address from which the pod was asked, as it saw it.
    let client: String
  }

  /// All replies, in the order in which they came.
  let replies: [Reply]
  /// How many requests were made.
  let sent: Int

  /// The times between two replies that were longer than a bound allows, and why they were.
  func outages(over bound: Bound) -> [String] {
    zip(replies, replies.dropFirst()).compactMap { bound.objection(from: $0.at, to: $1.at) }
  }

  /// The longest time between two replies.
  var longestOutage: Duration {
    zip(replies, replies.dropFirst()).map { $1.at - $0.at }.max() ?? .zero
  }
}
