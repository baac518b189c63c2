public import VIP
import VIPCore

/// The status of a health check, see ``NodeRecord``.
public struct CheckRecord: Sendable, Hashable, Codable {
  /// The name of the check.
  public var name: String
  /// The thing that it looks at, such as "command /usr/bin/pgrep -x nginx".
  public var subject: String
  /// The part that it has in elections at the moment.
  public var standing: CheckStatus.Standing
  /// The number that it has read, if it reads numbers.
  public var number: Int?
  /// The reason for the standing.
  public var reason: String
  /// The time when the standing began, in UTC (ISO 8601).
  public var since: String
  /// The time since then.
  public var secondsInStanding: Double
  /// The kind of the last result; `nil` if there is none yet.
  public var lastResult: CheckResult.Kind?
  /// The last result for people; `nil` if there is none yet.
  public var lastText: String?
  /// The duration of the last run.
  public var durationSeconds: Double
  /// The time since the last run has ended; `nil` if none has.
  public var secondsSinceRun: Double?
  /// Number of runs that have ended.
  public var runs: UInt64
  /// Number of those that did not succeed.
  public var failures: UInt64
  /// Number of times that the standing has changed.
  public var changes: UInt64
  /// The time for which it still has to succeed before that counts, since it has toggled; `nil` if
  /// that is not the case.
  public var heldBackSeconds: Double?

  /// Takes a status down.
  init(_ status: CheckStatus) {
    name = status.name
    subject = status.subject
    standing = status.standing
    number = status.number
    reason = status.reason
    since = status.since.seconds
    secondsInStanding = status.timeInStanding.inSeconds
    lastResult = status.lastResult?.kind
    lastText = status.lastResult?.description
    durationSeconds = status.duration.inSeconds
    secondsSinceRun = status.age?.inSeconds
    (runs, failures, changes) = (status.runs, status.failures, status.changes)
    heldBackSeconds = status.heldBack?.inSeconds
  }
}
