import ArgumentParser
import VIPControl
import VIPService

struct DrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain",
    abstract: "Leave the addresses of all routers to other machines.",
    discussion: """
      The same as 'vipctl resign --all'. Addresses for which no other machine takes over stay here \
      and are served. A router that is added later, or starts again, is not among them.

        vipctl drain
        vipctl drain --for 1h
      """)

  @OptionGroup var time: ResignationOptions
  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let client = NodeClient(runtime)
    try client.change(.resignAll(for: time.requestTime))
  }
}
