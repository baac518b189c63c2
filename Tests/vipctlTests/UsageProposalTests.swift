import TestSupport
import Testing

@testable import vipctl

/// What is said about wrong usage is typed, and it is right usage then, or something else is wrong.
@Suite struct UsageProposalTests {
  /// Wrong usage, the proposal in what is said of it, and the words in its place.
  struct Example: CustomTestStringConvertible {
    let wrong: String
    let proposal: String
    let right: String

    init(_ wrong: String, _ proposal: String, _ right: String) {
      self.wrong = wrong
      self.proposal = proposal
      self.right = right
    }

    var testDescription: String { wrong }
  }

  static let examples = [
    Example("stats", "did you mean 'status'?", "status"),
    Example("status --jsom", "did you mean '--json'?", "status --json"),
    Example(
      "up 192.0.2.9 --vrid 7", "name it with --interface IF", "up 192.0.2.9 --vrid 7 --interface e"),
    Example(
      "up 192.0.2.9 -i e", "choose 1 to 255 with --vrid N", "up 192.0.2.9 -i e --vrid 255"),
    Example("up -i e --vrid 7", "name at least one", "up -i e --vrid 7 192.0.2.9"),
    Example("up -i e --vrid 7", "or a file with --config", "up --config none.yaml"),
    Example("run --config f --vrid 7", "set it in the file", "run --config none.yaml"),
    Example(
      "up 192.0.2.9 -i e --vrid 7 --no-preempt --preempt-delay 3s", "give one of them",
      "up 192.0.2.9 -i e --vrid 7 --preempt-delay 3s"),
    Example(
      "up 192.0.2.9 -i e --vrid 7 --interval 1", "write 1s",
      "up 192.0.2.9 -i e --vrid 7 --interval 1s"),
    Example(
      "up 192.0.2.9 -i e --vrid 7 --timeout 10", "write 10s or 10ms",
      "up 192.0.2.9 -i e --vrid 7 --timeout 10ms"),
    Example(
      "up 2001:db8::9/64 -i e --vrid 7 --version 2", "use version 3 for IPv6",
      "up 2001:db8::9/64 -i e --vrid 7 --version 3"),
    Example(
      "up 192.0.2.9 -i e:1 --vrid 7", "; write e", "up 192.0.2.9 -i e --vrid 7"),
    Example("down", "give a router's name or address", "down web"),
    Example("down", "or --all", "down --all"),
    Example("simulate", "give --routers N", "simulate --routers 2"),
    Example(
      "simulate --routers 2 --crash 60s", "lengthen it with --for",
      "simulate --routers 2 --crash 60s --for 61s"),
    Example(
      "simulate --routers 2 --priorities 1,2,3", "leave one out", "simulate --priorities 1,2,3"),
    Example("monitor", "or a capture with -r", "monitor -r none.pcap"),
    Example("monitor -i e -r none.pcap", "give one of them", "monitor -r none.pcap"),
  ]

  private func vipctl(_ words: String) throws -> CommandResult {
    let folder = try TemporaryDirectory()
    return try run(
      VipctlNode.apart + ["env", "VIPCTL_RUNTIME_DIR=\(folder.path)", VipctlNode.binary]
        + words.split(separator: " ").map(String.init))
  }

  @Test(arguments: examples)
  func `what is proposed is right`(example: Example) throws {
    let wrong = try vipctl(example.wrong)
    #expect(wrong.status == ExitStatus.usage.rawValue, "\(wrong)")
    #expect(wrong.errors.contains(example.proposal), "\(wrong)")
    let right = try vipctl(example.right)
    #expect(right.status != ExitStatus.usage.rawValue, "it does not help: \(wrong)\(right)")
  }
}
