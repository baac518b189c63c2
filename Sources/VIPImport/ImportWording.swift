/// The words of a program in the remarks of an import, which say what to do about what has no
/// equivalent.
///
/// Without them remarks speak of the program in general terms. Each stands in a sentence as it is,
/// so a command has its quotes.
public struct ImportWording: Sendable, Hashable {
  /// The command that tells the states of routers.
  public var status: String
  /// The command that reads the configuration again.
  public var reload: String
  /// The command that looks for faults of a configuration.
  public var check: String
  /// The command that shows a segment.
  public var monitor: String
  /// The option that names the machine whose conditional lines are read.
  public var configID: String

  /// Makes words; what is left out is told in general terms.
  public init(
    status: String = "the status of the node", reload: String = "a command to reload",
    check: String = "a check of the configuration",
    monitor: String = "a monitor of the segment", configID: String = "another name"
  ) {
    self.status = status
    self.reload = reload
    self.check = check
    self.monitor = monitor
    self.configID = configID
  }

  /// A place in an advice where a word goes.
  enum Place: String, CaseIterable, CustomStringConvertible {
    case status, reload, check, monitor, configID

    var description: String { "{\(rawValue)}" }
  }

  private func word(for place: Place) -> String {
    switch place {
    case .status: status
    case .reload: reload
    case .check: check
    case .monitor: monitor
    case .configID: configID
    }
  }

  /// Puts the words into an advice.
  func complete(_ advice: String) -> String {
    guard advice.contains("{") else { return advice }
    return Place.allCases.reduce(advice) { text, place in
      text.replacing(place.description, with: word(for: place))
    }
  }
}
