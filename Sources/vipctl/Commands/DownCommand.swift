import ArgumentParser
import VIP

struct DownCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "down",
    abstract: "Hand virtual addresses over and remove them; return when they are gone.",
    discussion: """
      Names a router, or one of its addresses. The other machines of the group take over. A \
      background node without routers ends.

        vipctl down web
        vipctl down 192.0.2.10
        vipctl down --all
      """)

  @Argument(help: ArgumentHelp("Routers, by name or address.", valueName: "name"))
  var names: [String] = []

  @Flag(help: "Remove every router.")
  var all = false

  @OptionGroup var runtime: RuntimeOptions

  mutating func validate() throws {
    if all, let name = names.first {
      throw ValidationError("--all and '\(name)' exclude each other; give one of them")
    }
    if !all, names.isEmpty {
      throw ValidationError("nothing is named; give a router's name or address, or --all")
    }
  }

  /// A hand-over takes a few advertisement intervals at most; this is for a node that hangs.
  private static let timeout = Duration.seconds(60)

  func run() throws {
    let client = NodeClient(directory: RuntimeDirectory.resolve(flag: runtime.runtimeDir))
    let before = try client.status()
    let rest = try client.done(all ? .downAll : .down(names), timeout: Self.timeout)
    let remaining = Set(rest.routers.map(\.name))
    var gone: [String] = []
    for router in before.routers where !remaining.contains(router.name) {
      if !gone.contains(router.name) { gone.append(router.name) }
    }
    for name in gone { Terminal.print("\(name): down") }
  }
}
