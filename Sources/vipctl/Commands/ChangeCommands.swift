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
        vipctl add web 192.0.2.12 2001:db8::12

      An address without a prefix length takes that of the router's addresses in whose subnet it \
      is. A node that runs with a configuration file goes back to the file at the next reload.
      """)

  @Argument(
    help: ArgumentHelp("The router, by name or address.", valueName: "name"),
    completion: Completions.routerOrAddress)
  var name: String

  @Argument(
    help: ArgumentHelp("The addresses, with or without prefix length.", valueName: "address"))
  var addresses: [String]

  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let virtual = try virtualAddresses(addresses, of: "add")
    let client = NodeClient(runtime)
    var wanted = virtual
    if addresses.contains(where: { !$0.contains("/") }) {
      let record = try client.configuration(name)
      let siblings = record.routers.flatMap(\.addresses)
      wanted = zip(addresses, virtual).map { text, address in
        text.contains("/") ? address : address.address.asSibling(of: siblings) ?? address
      }
    }
    try client.change(.add(router: name, addresses: wanted))
  }
}

struct RemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Take virtual addresses from a running router.",
    discussion: """
      The router goes on with its other addresses. Without an address of a family it leaves the \
      election of that family, which is said. Do the same on all machines of the group. To remove \
      the router itself use 'vipctl down'.

        vipctl remove web 192.0.2.11
        vipctl remove web 192.0.2.12 2001:db8::12
      """)

  @Argument(
    help: ArgumentHelp("The router, by name or address.", valueName: "name"),
    completion: Completions.routerOrAddress)
  var name: String

  @Argument(
    help: ArgumentHelp("The addresses.", valueName: "address"),
    completion: Completions.addressOfRouter)
  var addresses: [String]

  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let virtual = try virtualAddresses(addresses, of: "remove")
    let client = NodeClient(runtime)
    let before = try client.status(name).routers
    try client.change(.remove(router: name, addresses: virtual.map(\.address)))
    guard let router = before.first else { return }
    let families = Set(try client.status(router.name).routers.map(\.family))
    for router in before where !families.contains(router.family) {
      Terminal.print(
        "\(router.name) \(router.family.rawValue): no address is left; this machine takes no part "
          + "in its election any more")
    }
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
    case .events, .configuration: break
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

extension IPAddress {
  /// The address with the prefix length of a sibling in whose subnet it is, the longest of several;
  /// `nil` if there is none.
  func asSibling(of siblings: [InterfaceAddress]) -> InterfaceAddress? {
    siblings.filter { $0.contains(self) }.max { $0.prefixLength < $1.prefixLength }
      .flatMap { InterfaceAddress(self, prefixLength: $0.prefixLength) }
  }
}
