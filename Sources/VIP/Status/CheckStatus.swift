public import VIPCore

/// The result of one run of a health check.
public enum CheckResult: Sendable, Hashable {
  /// Success; the text says what was found, if there is something to say.
  case success(String)
  /// A number that was read, which is a weight.
  case number(Int)
  /// Failure; the text says in what way.
  case failure(String)
  /// A signal has ended its program.
  case crashed(signal: Int32)
  /// More time than it may take, so that it was ended.
  case timedOut(after: Duration)
  /// No run at all; the text says why.
  case couldNotStart(String)
  /// There is nothing that says anything, such as a file that is not there: the check counts as if
  /// it had never been run.
  case silent(String)
}

extension CheckResult {
  /// The kinds of results, in the words of the JSON form.
  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    /// Success, or a number that was read.
    case success
    /// Failure.
    case failure
    /// A signal has ended its program.
    case crashed
    /// Too much time.
    case timedOut = "timed-out"
    /// No run at all.
    case couldNotStart = "could-not-start"
    /// There is nothing that says anything.
    case silent
  }

  /// The kind of the result.
  public var kind: Kind {
    switch self {
    case .success, .number: .success
    case .failure: .failure
    case .crashed: .crashed
    case .timedOut: .timedOut
    case .couldNotStart: .couldNotStart
    case .silent: .silent
    }
  }
}

extension CheckResult: CustomStringConvertible {
  /// The result for people, such as "exit code 1: nginx is not running".
  public var description: String {
    switch self {
    case .success(let text), .failure(let text), .silent(let text): text
    case .number(let number): "the number is \(number)"
    case .crashed(let signal): "was ended by signal \(signal)"
    case .timedOut(let limit): "took longer than \(limit.text)"
    case .couldNotStart(let text): text
    }
  }
}

/// The status of a health check.
public struct CheckStatus: Sendable, Hashable {
  /// The part that a check has in elections.
  public enum Standing: String, Sendable, Hashable, Codable {
    /// Nothing has been found out yet, or there is nothing that says anything.
    case unknown
    /// Success.
    case passing
    /// Failure.
    case failing
  }

  /// The name of the check.
  public var name: String
  /// The thing that it looks at, such as "command /usr/bin/pgrep -x nginx".
  public var subject: String
  /// The part that it has in elections at the moment.
  public var standing: Standing
  /// The number that it has read, if it reads numbers.
  public var number: Int?
  /// The reason for the standing: the result that has led to it.
  public var reason: String
  /// The time when the standing began, by the wall clock.
  public var since: Timestamp
  /// The time since then.
  public var timeInStanding: Duration
  /// The last result; `nil` if there is none yet.
  public var lastResult: CheckResult?
  /// The duration of the last run.
  public var duration: Duration
  /// The time since the last run has ended; `nil` if none has.
  public var age: Duration?
  /// Number of runs that have ended.
  public var runs: UInt64
  /// Number of those that did not succeed.
  public var failures: UInt64
  /// Number of times that the standing has changed.
  public var changes: UInt64
  /// The time for which it still has to succeed before it counts as passing, since it has toggled;
  /// `nil` if that is not the case.
  public var heldBack: Duration?

  /// Makes the status of a check that has not been run.
  public init(
    name: String, subject: String, standing: Standing, reason: String, since: Timestamp
  ) {
    self.name = name
    self.subject = subject
    self.standing = standing
    self.reason = reason
    self.since = since
    timeInStanding = .zero
    duration = .zero
    (runs, failures, changes) = (0, 0, 0)
  }
}

extension RouterStatus {
  /// A health check that a router depends on, and what follows from it at the moment.
  public struct Check: Sendable, Hashable, Codable {
    /// The name of the check.
    public var check: String
    /// The part that the check has in elections.
    public var standing: CheckStatus.Standing
    /// Whether it keeps the router out of the election.
    public var isOut: Bool
    /// The amount that it adds to the priority.
    public var weight: Int

    private enum CodingKeys: String, CodingKey {
      case check, standing, weight
      case isOut = "out"
    }

    /// Makes an entry.
    public init(check: String, standing: CheckStatus.Standing, isOut: Bool, weight: Int) {
      self.check = check
      self.standing = standing
      self.isOut = isOut
      self.weight = weight
    }
  }
}

/// A sentence about the standing of a check.
package func checkText(_ name: String, _ standing: CheckStatus.Standing, _ reason: String)
  -> String
{
  switch standing {
  case .unknown: "check \(name) has no result: \(reason)"
  case .passing: "check \(name) passes: \(reason)"
  case .failing: "check \(name) fails: \(reason)"
  }
}
