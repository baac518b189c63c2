package import VIP

extension RouterConfiguration {
  /// All checks that it depends on, wherever that is said: the one place that what runs checks,
  /// shows them and plans with them goes by.
  package var checkUses: [CheckUse] { checks }
}
