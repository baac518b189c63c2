import Testing

/// All tests against a control plane, one after the other: each has a cluster of its own, and they
/// measure times.
@Suite(
  .serialized, .enabled(if: Laboratory.obstacle == nil, "\(Laboratory.obstacle ?? "")"),
  .timeLimit(.minutes(ChanceLength.testMinutes)))
struct ClusterTests {
}

/// Guards against a green run that has tested nothing.
@Suite struct ClusterTestsCanRun {
  @Test(
    "In continuous integration the tests against a control plane are not skipped",
    .enabled(if: Laboratory.isCI, "not a CI run"))
  func nothingIsSkippedInCI() {
    #expect(Laboratory.obstacle == nil)
  }
}
