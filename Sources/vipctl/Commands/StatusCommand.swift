import ArgumentParser
import Glibc
import VIP
import VIPControl
import VIPReports
import VIPService

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show the state of each router, its addresses, and the reason.",
    discussion: """
      A block for each router, with each family's state: active (this machine holds the \
      addresses), backup (another machine does, or none has been heard yet) or fault (it takes no \
      part; 'why' says what is in the way). 'works' says whether all is in place, and for a backup \
      how soon it would take over. Warnings follow. With a name: all about that router, the other \
      machines of its group as they were last heard, and its last events; -v adds counters.

        vipctl status
        vipctl status web -v
        vipctl status -o wide
        vipctl status --watch
        vipctl status -o json
        vipctl status --check || echo something is wrong

      --check prints only what is wrong, a line each, and nothing if all is well. Its exit code is \
      2 then, and 0 if all is well.
      """)

  /// The forms other than blocks.
  enum Form: String, CaseIterable, ExpressibleByArgument {
    case wide, json
  }

  @Argument(
    help: ArgumentHelp(
      "Only the router with this name or address, in detail.", valueName: "name"),
    completion: Completions.routerOrAddress)
  var name: String?

  @Flag(help: "Print everything as JSON, counters included.")
  var json = false

  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp(
      "wide: a line for each router and family; json: as --json.", valueName: "form"))
  var output: Form?

  @Flag(name: [.customShort("v"), .long], help: "With a name: counters and measurements too.")
  var verbose = false

  @Flag(
    name: .shortAndLong,
    help: "Show it again each second, in place, until Ctrl-C; with --json a line each.")
  var watch = false

  @Flag(help: "Print only what is wrong; the exit code is 2 if something is.")
  var check = false

  @OptionGroup var runtime: RuntimeOptions

  private static let period = Duration.seconds(1)
  /// Number of events at the end of all about a router.
  private static let eventCount = 5

  func run() throws {
    let client = NodeClient(runtime)
    if check {
      guard !watch, !verbose, !json, output == nil else {
        throw UsageErrors.failure(
          "--check has a form of its own; leave the other flags out", command: "status")
      }
      return try tellComplaints(client)
    }
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
        Terminal.print(isJSON ? status : status + "\n")
      }
      guard interruption.wait(reading: -1, until: .now + Self.period) == .timeout else { break }
      do throws(Failure) {
        status = try text(client)
      } catch {
        status = isJSON ? "" : error.line
      }
    } while true
  }

  private var isJSON: Bool { json || output == .json }

  /// Whether it is shown in place.
  private var isScreen: Bool { watch && !isJSON && isatty(STDOUT_FILENO) == 1 }

  /// Prints what is wrong, and ends the command with its own exit code if something is.
  private func tellComplaints(_ client: NodeClient) throws(Failure) {
    let lines = StatusWords.complaints(try client.status(name))
    for line in lines { Terminal.print(line) }
    if !lines.isEmpty { Glibc.exit(ExitStatus.warnings.rawValue) }
  }

  private func text(_ client: NodeClient) throws(Failure) -> String {
    let status = try client.status(name)
    if isJSON {
      return watch
        ? String(decoding: JSONCoding.line(status), as: UTF8.self) : JSONCoding.pretty(status)
    }
    let width = Terminal.width(of: STDOUT_FILENO)
    let colour = Terminal.wantsColour(STDOUT_FILENO)
    // The line below is the cursor's.
    let height = isScreen ? Terminal.size(of: STDOUT_FILENO).height - 1 : nil
    if output == .wide {
      return StatusTable(width: isScreen ? width : nil, colour: colour, height: height)
        .render(status)
    }
    // It may be named by one of its addresses.
    guard name != nil, let router = status.routers.first?.name else {
      return StatusBlocks(width: width, colour: colour, height: height).render(status)
    }
    var detail = StatusDetail(
      width: width, colour: colour, hintForAllAddresses: "all of them with --json")
    detail.isVerbose = verbose
    detail.events = Array(
      try client.history().filter { $0.router == router && $0.event != .settled }
        .suffix(Self.eventCount))
    return detail.render(status)
  }
}
