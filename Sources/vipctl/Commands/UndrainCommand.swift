import ArgumentParser
import VIPControl
import VIPService

struct UndrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "undrain",
    abstract: "End the resignations and promotions of all routers.",
    discussion: """
      The same as 'vipctl resume --all'.

        vipctl undrain
        vipctl undrain --runtime-dir /run/vipctl-2
      """)

  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let client = NodeClient(runtime)
    try client.change(.resumeAll)
  }
}
