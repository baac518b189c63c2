import TestSupport
import Testing

/// All tests that build networks, one after the other: they measure times.
@Suite(
  .serialized, .repeatedAfterStalls,
  .enabled(if: Laboratory.isAvailable, "\(Laboratory.obstacle ?? "")"))
struct NetworkTests {
}

/// Guards against a green run that has tested nothing.
@Suite struct NetworkTestsCanRun {
  @Test(
    "In continuous integration the network tests are not skipped",
    .enabled(if: Laboratory.isCI, "not a CI run"))
  func nothingIsSkippedInCI() {
    #expect(Laboratory.obstacle == nil)
    #expect(VipctlNode.obstacle == nil)
    #expect(Programs.release != nil, "build it before: make release")
  }
}
