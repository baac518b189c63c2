/// Programs to run when a virtual router changes what it does.
///
/// Each is a list of arguments: the absolute path of a program and what it is given. No shell is
/// involved. They are run after the fact, by `HookService` of `VIPHooks` and not by the node, and
/// never hold up an election.
public struct Hooks: Sendable, Hashable, Codable {
  /// The program to run once the router holds the addresses and they are on the interface.
  public var active: [String]
  /// The program to run once the router watches another one and has released the addresses.
  public var backup: [String]
  /// The program to run once the router can't take part.
  public var fault: [String]
  /// The program to run once the router has been taken down and its addresses are gone.
  public var stop: [String]
  /// The time limit of each; after it its process group gets SIGTERM, and SIGKILL after 2 s more.
  public var timeout: Duration

  /// The time limit of a program unless one is set.
  public static let defaultTimeout = Duration.seconds(30)
  /// The time limits that can be set.
  public static let timeoutRange: ClosedRange<Duration> = .milliseconds(100)...(.seconds(3600))
  /// The most arguments of one program, and the most bytes of them all.
  static let argumentCountMax = 256, byteCountMax = 65_536

  /// Makes hooks; what is left out runs nothing.
  public init(
    active: [String] = [], backup: [String] = [], fault: [String] = [], stop: [String] = [],
    timeout: Duration = Hooks.defaultTimeout
  ) {
    self.active = active
    self.backup = backup
    self.fault = fault
    self.stop = stop
    self.timeout = timeout
  }

  /// The program that is run for a state; empty if none is.
  public subscript(state: Settlement.State) -> [String] {
    get {
      switch state {
      case .active: active
      case .backup: backup
      case .fault: fault
      case .stop: stop
      }
    }
    set {
      switch state {
      case .active: active = newValue
      case .backup: backup = newValue
      case .fault: fault = newValue
      case .stop: stop = newValue
      }
    }
  }

  /// Whether nothing is ever run.
  public var isEmpty: Bool { active.isEmpty && backup.isEmpty && fault.isEmpty && stop.isEmpty }

  /// The states for which something is run.
  public var states: [Settlement.State] { Settlement.State.allCases.filter { !self[$0].isEmpty } }

  /// The fault of one of them, whatever the machine has; `nil` if there is none.
  func problem(_ state: Settlement.State) -> String? {
    guard let program = self[state].first else { return nil }
    guard program.hasPrefix("/") else {
      return "'\(program)' is not an absolute path; hooks are run without a shell, so write out "
        + "where the program is"
    }
    guard !self[state].contains(where: { $0.utf8.contains(0) }) else {
      return "an argument has a zero byte in it, which no program can be given"
    }
    guard self[state].count <= Self.argumentCountMax,
      self[state].reduce(0, { $0 + $1.utf8.count + 1 }) <= Self.byteCountMax
    else {
      return "a hook has at most \(Self.argumentCountMax) arguments and \(Self.byteCountMax) bytes "
        + "of them; put the rest into a script"
    }
    return nil
  }
}
