/// The policy for routers that a machine can't serve yet.
///
/// The interface is not there, or of a kind that can't serve addresses; the host has one of the
/// addresses as its own; a machine outside the group uses one. What makes no sense on any machine
/// is refused in any case.
public enum UnreadyPolicy: String, Sendable, Hashable, Codable, CaseIterable {
  /// Refuses them, with all that was to be changed together with them: for a person that waits for
  /// the answer.
  case refuse
  /// Lets them wait and take part as soon as they can; the others don't wait for them: for a
  /// machine that starts.
  case wait
}
