import ArgumentParser
import Glibc
import VIP
import VIPReports
import VIPService

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show the state of each router, its addresses, and the reason.",
    discussion: """
      One line for each router and family. STATE is active (this machine holds the addresses), \
      backup (the machine under ACTIVE does) or initialize (it waits; WHY says for what). \
      Warnings follow the table. With a name: all about that router, with the other machines of \
      its group as they were last heard.

        vipctl status
        vipctl status web
        vipctl status --watch
        vipctl status --json
      """)

  @Argument(
    help: ArgumentHelp("Only the router with this name, in detail.", valueName: "name"),
    completion: Completions.router)
  var name: String?

  @Flag(help: "Print everything as JSON, counters included.")
  var json = false

  @Flag(help: "Show it again each second, in place, until Ctrl-C; with --json a line each.")
  var watch = false

  @OptionGroup var runtime: RuntimeOptions

  private static let period = Duration.seconds(1)

  func run() throws {
    let client = NodeClient(runtime)
    guard watch else {
      Terminal.print(try text(client))
      return
    }
    // The first time a mistake ends the command; later the node may come and go.
    var status = try text(client)
    let interruption = Interruption()
    var screen = Screen()
    repeat {
      if isScreen {
        let size = Terminal.size(of: STDOUT_FILENO)
        let lines = status.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        TextOutput.write(
          screen.frame(lines, width: size.width, height: size.height), to: STDOUT_FILENO)
      } else {
        Terminal.print(json ? status : status + "\n")
      }
      guard interruption.wait(reading: -1, until: .now + Self.period) == .timeout else { break }
      do throws(Failure) {
        status = try text(client)
      } catch {
        status = json ? "" : error.line
      }
    } while true
  }

  /// Whether it is shown in place.
  private var isScreen: Bool { watch && !json && isatty(STDOUT_FILENO) == 1 }

  private func text(_ client: NodeClient) throws(Failure) -> String {
    let status = try client.status(name)
    if json {
      return watch
        ? String(decoding: JSONCoding.line(status), as: UTF8.self) : JSONCoding.pretty(status)
    }
    let width = Terminal.width(of: STDOUT_FILENO)
    let colour = Terminal.wantsColour(STDOUT_FILENO)
    guard name != nil else {
      // The line below is the cursor's.
      let height = isScreen ? Terminal.size(of: STDOUT_FILENO).height - 1 : nil
      return StatusTable(width: width, colour: colour, height: height).render(status)
    }
    return StatusDetail(
      width: width, colour: colour, hintForAllAddresses: "all of them with --json"
    ).render(status)
  }
}
