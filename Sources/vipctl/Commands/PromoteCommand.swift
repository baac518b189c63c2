import ArgumentParser
import VIPControl
import VIPService

struct PromoteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "promote",
    abstract: "Take the addresses of a router over from the machine that holds them.",
    discussion: """
      Works by advertising one step more than the other machine's priority for as long as this one \
      holds the addresses, so it can't take them from one with priority 254 or 255: use \
      'vipctl resign' there. 'vipctl resume' goes back to the configured priority; a promotion \
      that lasts for more than ten minutes is a warning of the status.

        vipctl promote web
        vipctl promote web --runtime-dir /run/vipctl-2
      """)

  @Argument(
    help: ArgumentHelp("The router, by name or address.", valueName: "name"),
    completion: Completions.routerOrAddress)
  var name: String

  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let client = NodeClient(runtime)
    try client.change(.promote(router: name))
  }
}
