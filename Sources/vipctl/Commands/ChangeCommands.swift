import ArgumentParser
import VIP
import VIPConfiguration
import VIPControl
import VIPCore
import VIPReports
import VIPService
import VRRP

struct AddCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Add virtual addresses to a running router.",
    discussion: """
      Only the new addresses are touched. An Active puts them on the interface and announces them. \
      Do the same on all machines of the group. Addresses that the router has already are ignored.

        vipctl add web 192.0.2.11/24
        vipctl add web 192.0.2.12/24 2001:db8::12/64

      A node that runs with a configuration file goes back to the file at the next reload.
      """)

  @Argument(
    help: ArgumentHelp("The router.", valueName: "name"), completion: Completions.router)
  var name: String

  @Argument(
    help: ArgumentHelp("The addresses with their prefix lengths.", valueName: "address"))
  var addresses: [String]

  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let virtual = try virtualAddresses(addresses, of: "add")
    let client = NodeClient(runtime)
    try client.change(.add(router: name, addresses: virtual))
  }
}

struct RemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Take virtual addresses from a running router.",
    discussion: """
      The router goes on with its other addresses. Do the same on all machines of the group. To \
      remove the router itself use 'vipctl down'.

        vipctl remove web 192.0.2.11
        vipctl remove web 192.0.2.12 2001:db8::12
      """)

  @Argument(
    help: ArgumentHelp("The router.", valueName: "name"), completion: Completions.router)
  var name: String

  @Argument(
    help: ArgumentHelp("The addresses.", valueName: "address"),
    completion: Completions.addressOfRouter)
  var addresses: [String]

  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let virtual = try virtualAddresses(addresses, of: "remove")
    let client = NodeClient(runtime)
    try client.change(.remove(router: name, addresses: virtual.map(\.address)))
  }
}

struct ReloadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload",
    abstract: "Apply the changed configuration file of a running node.",
    discussion: """
      For a node that was started with 'vipctl run --config'. Only the difference is applied: \
      routers that stay the same are not disturbed. Priority, interval, preemption, checksum and \
      addresses change in place. A router that is no longer in the file hands over first. A file \
      with an error changes nothing. SIGHUP does the same.

        vipctl reload
        vipctl reload --dry-run
      """)

  @OptionGroup var trial: TrialOptions
  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let client = NodeClient(runtime)
    try client.change(.reload, isTrial: trial.dryRun)
  }
}

struct ResignCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resign",
    abstract: "Hand the addresses of a router over to another machine.",
    discussion: """
      This machine serves the addresses until another one has announced them. Then it is Backup \
      with the lowest priority. It takes them back if no other machine advertises, when it is \
      promoted, or when the time given is over and it has the higher priority.

        vipctl resign web
        vipctl resign web --for 10m
      """)

  @Argument(
    help: ArgumentHelp("The router.", valueName: "name"), completion: Completions.router)
  var name: String

  @Option(
    name: .customLong("for"),
    help: ArgumentHelp("For how long. (default: until it is promoted)", valueName: "time"),
    transform: SettingText.timeout)
  var duration: Duration?

  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let client = NodeClient(runtime)
    try client.change(.resign(router: name, for: duration.map(RequestTime.init(_:))))
  }
}

struct PromoteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "promote",
    abstract: "Take the addresses of a router over from the machine that holds them.",
    discussion: """
      The router preempts with a priority one above the other machine's, and keeps it for as long as \
      it holds the addresses. It can't preempt a machine with priority 254 or 255: use \
      'vipctl resign' there.

        vipctl promote web
        vipctl promote web --runtime-dir /run/vipctl-2
      """)

  @Argument(
    help: ArgumentHelp("The router.", valueName: "name"), completion: Completions.router)
  var name: String

  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let client = NodeClient(runtime)
    try client.change(.promote(router: name))
  }
}

/// The virtual addresses among the arguments of a command.
private func virtualAddresses(
  _ texts: [String], of command: String
) throws(Failure) -> [InterfaceAddress] {
  do throws(SettingError) {
    return try texts.map(SettingText.address)
  } catch {
    throw UsageErrors.failure("\(error)", command: command)
  }
}

extension NodeClient {
  /// A hand-over takes a few advertisement intervals at most; this is for a node that hangs.
  private static let changeTimeout = Duration.seconds(180)

  /// Asks for a change and prints what became of it.
  ///
  /// Of a trial it prints what would become of it.
  func change(_ request: ControlRequest, isTrial: Bool = false) throws(Failure) {
    let reply: ControlReply
    do throws(ControlClientError) {
      reply = try ask(isTrial ? .dryRun(request) : request, timeout: Self.changeTimeout)
    } catch {
      throw failure(error)
    }
    switch reply {
    case .changed(let change, _) where isTrial:
      Terminal.printTrial(change)
    case .changed(let change, let status):
      let lines = ChangeText.lines(change)
      for line in lines { Terminal.print(line) }
      if lines.isEmpty { Terminal.print("nothing has changed") }
      try refuseFailures(status)
    case .done(let status):
      for router in status.routers { Terminal.print(StatusText.summary(router)) }
    case .waiting(_, let reason): throw Failure(.failed, reason.description)
    case .failed(let reason): throw Failure(reason)
    case .events: break
    }
  }

  /// Fails if the machine could not do what was changed: an address of an Active is missing.
  private func refuseFailures(_ status: NodeRecord) throws(Failure) {
    for router in status.routers where router.state == .active {
      guard let missing = router.addresses.first(where: { !$0.installed && $0.awaited == nil })
      else { continue }
      let reason = router.warnings.last ?? "it is tried again"
      throw Failure(
        .failed, "\(router.name): \(missing.address) is not on \(router.interface): \(reason)")
    }
  }
}
