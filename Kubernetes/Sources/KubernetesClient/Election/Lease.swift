import FoundationEssentials

/// A Lease: an object by which several programs agree on one of them.
public struct Lease: Sendable, Hashable {
  /// Its name and version.
  public var metadata: ObjectReference
  /// The one that has it; empty if none has.
  public var holder: String
  /// For how long it is given from the last renewal on.
  public var duration: Duration
  /// When the holder got it, in the API's text form.
  public var acquired: String
  /// When it was renewed last, in the API's text form: only compared with itself, since clocks of
  /// machines differ.
  public var renewed: String
  /// How often it has gone from one holder to another.
  public var transitions: Int64

  /// Makes a Lease.
  public init(
    metadata: ObjectReference, holder: String = "", duration: Duration = .zero,
    acquired: String = "", renewed: String = "", transitions: Int64 = 0
  ) {
    self.metadata = metadata
    self.holder = holder
    self.duration = duration
    self.acquired = acquired
    self.renewed = renewed
    self.transitions = transitions
  }
}

extension Resource where Object == Lease {
  /// Leases.
  public static var leases: Resource<Lease> {
    Resource(group: "coordination.k8s.io", version: "v1", plural: "leases")
  }
}

extension Lease: Decodable {
  private enum CodingKeys: String, CodingKey { case metadata, spec }
  private struct Spec: Decodable {
    var holderIdentity: String?
    var leaseDurationSeconds: Int64?
    var acquireTime: String?
    var renewTime: String?
    var leaseTransitions: Int64?
  }

  /// Reads a Lease.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let spec = try container.decodeIfPresent(Spec.self, forKey: .spec)
    let seconds = min(max(spec?.leaseDurationSeconds ?? 0, 0), 1 << 31)
    self.init(
      metadata: try container.decode(ObjectReference.self, forKey: .metadata),
      holder: spec?.holderIdentity ?? "", duration: .seconds(seconds),
      acquired: spec?.acquireTime ?? "", renewed: spec?.renewTime ?? "",
      transitions: spec?.leaseTransitions ?? 0)
  }
}

/// What is to be written into a Lease.
public struct LeaseWrite: Sendable, Hashable {
  /// The version on which it is based; `nil` to make the Lease.
  public var basedOn: String?
  /// The one that has it from then on; empty to give it back.
  public var holder: String
  /// For how long it is given.
  public var duration: Duration
  /// Whether the holder is another one than before.
  public var isAcquisition: Bool
  /// How often it has gone from one holder to another.
  public var transitions: Int64

  /// The fields, with the time of day as text.
  func spec(time: String) -> JSONValue {
    var spec: [String: JSONValue] = [
      "holderIdentity": .string(holder),
      "leaseDurationSeconds": .integer(max(1, duration.components.seconds)),
      "renewTime": .string(time), "leaseTransitions": .integer(transitions),
    ]
    if isAcquisition { spec["acquireTime"] = .string(time) }
    return .object(spec)
  }
}

/// The time of day as the API has it.
public enum MicroTime {
  /// The text of a time, in microseconds since 1970-01-01T00:00:00Z.
  public static func text(microseconds: Int64) -> String {
    let (seconds, fraction) = (microseconds.floorDivided(1_000_000))
    let (days, second) = seconds.floorDivided(86_400)
    let date = civil(daysSince1970: days)
    func pad(_ value: Int64, _ width: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    return "\(pad(date.year, 4))-\(pad(date.month, 2))-\(pad(date.day, 2))T"
      + "\(pad(second / 3600, 2)):\(pad(second / 60 % 60, 2)):\(pad(second % 60, 2))."
      + "\(pad(fraction, 6))Z"
  }

  /// The text of the time that the machine's clock shows.
  public static func now() -> String {
    text(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
  }

  /// The date in the calendar that all use, also for the time before it was introduced.
  ///
  /// Years begin in March here, so that the day that some of them have in addition comes last.
  private static func civil(daysSince1970: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let (era, day) = (daysSince1970 + 719_468).floorDivided(146_097)
    let yearOfEra = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
    let dayOfYear = day - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let isNextYear = month >= 10
    return (
      yearOfEra + era * 400 + (isNextYear ? 1 : 0), isNextYear ? month - 9 : month + 3,
      dayOfYear - (153 * month + 2) / 5 + 1
    )
  }
}

extension Int64 {
  /// The quotient and the rest, which is never negative.
  fileprivate func floorDivided(_ divisor: Int64) -> (quotient: Int64, rest: Int64) {
    let (quotient, rest) = quotientAndRemainder(dividingBy: divisor)
    return rest < 0 ? (quotient - 1, rest + divisor) : (quotient, rest)
  }
}
