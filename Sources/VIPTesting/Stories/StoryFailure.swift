/// A way in which a story fails: what a shorter story must still show.
package enum StoryFailure: Sendable, Hashable {
  /// A promise is broken.
  case broken(BrokenPromise.Promise)
  /// An expectation of the story is not met.
  case unmet(StoryCommand.Expectation)
  /// A `rest` ends before everything has come to rest, for a reason.
  case unrest(Unrest)
}

/// The reason why segments are not looked at as being at rest.
package enum Unrest: Sendable, Hashable {
  /// Nothing has happened on them yet.
  case unbegun
  /// A segment is not whole, or something is refused or forged on it.
  case troubled
  /// Time is left for the last thing that happened.
  case settling
  /// A packet is on its way.
  case delivering
  /// A node is still at a command.
  case busy
}
