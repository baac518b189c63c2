import ArgumentParser
import VIPControl
import VIPService

struct ResumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume",
    abstract: "End the resignation or promotion of a router.",
    usage: """
      vipctl resume <name>
      vipctl resume --all
      """,
    discussion: """
      The configured priority counts again. No addresses are taken by that alone: a router that \
      preempts takes them from a machine of lower priority as at any other time, one that does not \
      leaves them where they are.

        vipctl resume web
        vipctl resume --all
      """)

  @Argument(
    help: ArgumentHelp("The router, by name or address.", valueName: "name"),
    completion: Completions.routerOrAddress)
  var name: String?

  @Flag(help: "All routers; the same as 'vipctl undrain'.")
  var all = false

  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let name = try RouterChoice.name(name, all: all, of: "resume")
    let client = NodeClient(runtime)
    try client.change(name.map { .resume(router: $0) } ?? .resumeAll)
  }
}
