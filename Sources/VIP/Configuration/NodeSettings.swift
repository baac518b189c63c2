public import ARP
import VIPCore

/// Settings of a node as a whole, which all its routers share.
public struct NodeSettings: Sendable, Hashable {
  /// The time for which addresses outlive a node that stopped refreshing them.
  public var lease: LeasePolicy
  /// Whether a second process removes the addresses should this one be killed or crash.
  ///
  /// It is forked from this process, takes some hundred kilobytes, and ends with the node; without
  /// it the addresses of a dead process go with their leases.
  public var isGuarded: Bool
  /// Whether the node's thread runs before all ordinary work and the process stays in memory:
  /// SCHED_FIFO and mlockall(2).
  ///
  /// Needs CAP_SYS_NICE, and CAP_IPC_LOCK or no limit of locked memory. Locks the memory of the
  /// whole process, as it is used, and limits the time that a real-time thread of the process may
  /// run without a pause to two seconds (RLIMIT_RTTIME). Both end with the last node that asks for
  /// it.
  public var isRealtime: Bool
  /// The number and pace of announcements.
  public var announcements: AnnouncementPolicy

  /// Makes settings; what is left out has its default.
  ///
  /// A library does not fork or lock the program it is part of without being told to: guard and
  /// real-time scheduling are off unless asked for.
  public init(
    lease: LeasePolicy = .default, isGuarded: Bool = false, isRealtime: Bool = false,
    announcements: AnnouncementPolicy = AnnouncementPolicy()
  ) {
    self.lease = lease
    self.isGuarded = isGuarded
    self.isRealtime = isRealtime
    self.announcements = announcements
  }

  /// The differences of other settings, in words: one text for each that does.
  public func differences(to other: NodeSettings) -> [String] {
    NodeSetting.allCases.compactMap { $0.difference(from: self, to: other) }
  }
}

/// The settings of a node: one case for each key that a configuration file can have under `node`
/// and that belongs to the node itself.
///
/// The one table of them, as ``RouterSetting`` is of a router's.
public enum NodeSetting: String, Sendable, Hashable, CaseIterable {
  /// The time for which addresses outlive the node.
  case lease
  /// Whether there is a guard process.
  case `guard`
  /// Whether the node runs before all ordinary work.
  case realtime
  /// The number and pace of announcements.
  case announcements

  /// The key in a configuration file.
  public var key: String { rawValue }

  /// The difference of two configurations in it, in words; `nil` if there is none.
  func difference(from old: NodeSettings, to new: NodeSettings) -> String? {
    let (before, after): (String, String) =
      switch self {
      case .lease: (old.lease.description, new.lease.description)
      case .guard: (Self.text(old.isGuarded), Self.text(new.isGuarded))
      case .realtime: (Self.text(old.isRealtime), Self.text(new.isRealtime))
      case .announcements: (Self.text(old.announcements), Self.text(new.announcements))
      }
    return before == after ? nil : "\(key) \(before) → \(after)"
  }

  /// Whether the machine may refuse a change of it.
  var canBeRefused: Bool {
    switch self {
    case .guard, .realtime: true
    case .lease, .announcements: false
    }
  }

  /// All of them, those first that the machine may refuse: then nothing has changed.
  static let inOrderOfChange =
    allCases.filter(\.canBeRefused) + allCases.filter { !$0.canBeRefused }

  private static func text(_ isOn: Bool) -> String { isOn ? "on" : "off" }

  private static func text(_ policy: AnnouncementPolicy) -> String {
    let pauses = policy.pauses.map(\.text).joined(separator: " ")
    return "\(policy.maximumRate)/s, \(policy.burst) at once, repeated after "
      + "\(pauses.isEmpty ? "nothing" : pauses), refreshed \(policy.refresh?.text ?? "never")"
  }
}
