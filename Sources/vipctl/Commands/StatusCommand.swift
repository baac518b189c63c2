import ArgumentParser
import Glibc
import VIP

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show which virtual addresses this machine holds or watches over, and why.",
    discussion: """
      One line for each router and family. STATE is active (this machine holds the addresses), \
      backup (the machine under ACTIVE does) or initialize (it waits; WHY says for what). \
      Warnings follow the table.

        vipctl status
        vipctl status web
        vipctl status --json
      """)

  @Argument(help: ArgumentHelp("Only the router with this name.", valueName: "name"))
  var name: String?

  @Flag(help: "Print everything as JSON, counters included.")
  var json = false

  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let client = NodeClient(directory: RuntimeDirectory.resolve(flag: runtime.runtimeDir))
    let status = try client.status(name)
    if json {
      Terminal.print(JSONCoding.pretty(status))
    } else {
      let table = StatusTable(
        width: Terminal.width(of: STDOUT_FILENO), colour: Terminal.wantsColour(STDOUT_FILENO))
      Terminal.print(table.render(status))
    }
  }
}
