import ArgumentParser
import VIPConfiguration
import VIPControl
import VIPService

struct ResignCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resign",
    abstract: "Leave the addresses of a router to another machine.",
    usage: """
      vipctl resign <name> [--for <time>]
      vipctl resign --all [--for <time>]
      """,
    discussion: """
      This machine serves the addresses until another one has advertised and announced them; then \
      it watches over them with the lowest priority. If no other machine takes over, the command \
      says so after two intervals and fails; this machine serves all the time, without a gap \
      (with 'handover: strict' in the file the addresses are gone for these intervals).

      It ends when the time given is over, with 'vipctl resume', or with 'vipctl promote', which \
      also takes the addresses. One that lasts for more than ten minutes is a warning of the status.

        vipctl resign web
        vipctl resign web --for 10m
        vipctl resign 192.0.2.10
        vipctl resign --all --for 1h
      """)

  @Argument(
    help: ArgumentHelp("The router, by name or address.", valueName: "name"),
    completion: Completions.routerOrAddress)
  var name: String?

  @Flag(help: "All routers that take part; the same as 'vipctl drain'.")
  var all = false

  @OptionGroup var time: ResignationOptions
  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let name = try RouterChoice.name(name, all: all, of: "resign")
    let client = NodeClient(runtime)
    try client.change(
      name.map { .resign(router: $0, for: time.requestTime) } ?? .resignAll(for: time.requestTime))
  }
}

/// The time for which a router resigns.
struct ResignationOptions: ParsableArguments {
  @Option(
    name: .customLong("for"),
    help: ArgumentHelp("For how long. (default: until it is resumed)", valueName: "time"),
    transform: SettingText.timeout)
  var duration: Duration?

  var requestTime: RequestTime? { duration.map(RequestTime.init(_:)) }
}

/// One router or all of them.
enum RouterChoice {
  /// The router that is named; `nil` if all are meant.
  static func name(
    _ name: String?, all: Bool, of command: String
  ) throws(Failure) -> String? {
    if all, let name {
      throw UsageErrors.failure(
        "--all and '\(name)' exclude each other; give one of them", command: command)
    }
    guard all || name != nil else {
      throw UsageErrors.failure(
        "nothing is named; give a router's name or address, or --all", command: command)
    }
    return name
  }
}
