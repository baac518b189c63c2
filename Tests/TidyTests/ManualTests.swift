import Foundation
import TestSupport
import Testing

/// The manual page says what the program does.
@Suite struct ManualTests {
  private func page() throws -> String {
    try String(
      contentsOf: Repository.root.appending(path: ManualPage.path), encoding: .utf8)
  }

  @Test func `the commands of the page are those of the program`() throws {
    try #require(FileManager.default.isExecutableFile(atPath: VipctlNode.binary))
    let text = try page()
    let begin = try #require(text.range(of: ManualPage.begin + "\n"))
    let end = try #require(text.range(of: ManualPage.end))
    let commands = try ManualPage.commands(of: VipctlNode.binary)
    #expect(commands.contains(".Ss up\n") && commands.contains(".It Fl i , Fl -interface Ar if\n"))
    if ProcessInfo.processInfo.environment["VIP_UPDATE_MANUAL"] != nil {
      let updated = text[..<begin.upperBound] + commands + text[end.lowerBound...]
      try String(updated).write(
        to: Repository.root.appending(path: ManualPage.path), atomically: true, encoding: .utf8)
    } else {
      let written = text[begin.upperBound..<end.lowerBound]
      #expect(
        written == commands, "VIP_UPDATE_MANUAL=1 swift test --filter ManualTests brings it to date"
      )
    }
  }

  @Test func `the page is well formed`() throws {
    let path = Repository.root.appending(path: ManualPage.path).path
    let strict = try run(["mandoc", "-T", "lint", "-W", "warning", path])
    #expect(strict.status == 0 && strict.output.isEmpty, "\(strict.output)")
    let common = try run(["groff", "-ww", "-mandoc", "-Tutf8", "-z", path])
    #expect(common.status == 0 && common.errors.isEmpty, "\(common.errors)")
  }

  @Test func `the page has what people look for`() throws {
    let text = try page()
    for section in [
      "NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "ENVIRONMENT", "FILES",
      "EXIT STATUS", "EXAMPLES", "SEE ALSO", "STANDARDS",
    ] {
      #expect(text.contains("\n.Sh \(section)\n"))
    }
    for code in [0, 1, 64, 65, 69, 77] { #expect(text.contains("\n.It \(code)\n")) }
    for name in ["VIPCTL_RUNTIME_DIR", "NO_COLOR", "NOTIFY_SOCKET", "WATCHDOG_USEC"] {
      #expect(text.contains("\n.It Ev \(name)\n"))
    }
    // Every variable that the program reads is among them, or belongs to the terminal.
    let reading = try Regex("(?:getenv|environment)\\(\"([A-Z_]+)\"\\)")
    for file in try Repository.swiftFiles(under: "Sources") {
      for line in try file.lines {
        for match in line.text.matches(of: reading) {
          let name = match.output[1].substring.map(String.init) ?? ""
          #expect(text.contains("\n.It Ev \(name)\n"), "\(file.path): \(name)")
        }
      }
    }
  }
}
