import Testing

@testable import VIPService

/// The first words of a background node.
@Suite struct StartReportTests {
  @Test(arguments: [
    StartReport.ready, .busy,
    .failed(ServiceError(.notPermitted, "CAP_NET_RAW is missing; use sudo")),
  ])
  func `how a background node's start went`(report: StartReport) {
    #expect(StartReport(line: Array(report.line.utf8)) == report)
  }

  @Test(arguments: ["", "ready", "\n", "go\n", "failed\n", "7 what\n", "x y\n"])
  func `what a background node never says`(text: String) {
    #expect(StartReport(line: Array(text.utf8)) == nil)
  }

  @Test func `another node on the directory is no failure`() {
    #expect(StartReport(ServiceError(.alreadyRunning, "a node already runs on /run/x")) == .busy)
    let error = ServiceError(.failed, "no\nmemory")
    #expect(StartReport(error).line == "failed no\\nmemory\n")
  }
}
