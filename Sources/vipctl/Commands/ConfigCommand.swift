import ArgumentParser
import VIP
import VIPConfiguration
import VIPControl
import VIPService

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Print the running state as a configuration file, or an example of one.",
    discussion: """
      What 'vipctl up' has built can be made permanent that way:

        vipctl config show > /etc/vipctl.yaml
        vipctl config show web
        vipctl config example
      """,
    subcommands: [ShowCommand.self, ExampleCommand.self])

  struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show",
      abstract: "Print the settings of a running node as a configuration file.",
      discussion: """
        Passwords and the definitions of health checks are left out; comments stand in their place.
        """)

    @Argument(
      help: ArgumentHelp("Only this router, by name or address.", valueName: "name"),
      completion: Completions.routerOrAddress)
    var name: String?

    @OptionGroup var runtime: RuntimeOptions

    func run() throws {
      let client = NodeClient(runtime)
      let record = try client.configuration(name)
      var configuration = NodeConfiguration(
        settings: record.settings, routers: record.routers, groups: record.groups)
      // One router can be put into another file, whose node has settings of its own.
      if name != nil { configuration.settings = FileConfiguration.defaultSettings }
      Terminal.print(ConfigurationText.yaml(configuration).trimmingLastLine)
    }
  }

  struct ExampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "example", abstract: "Print an example of a configuration file.")

    func run() throws {
      Terminal.print(ConfigurationExample.yaml.trimmingLastLine)
    }
  }
}

extension String {
  /// The text without the end of its last line, which printing adds.
  fileprivate var trimmingLastLine: String { hasSuffix("\n") ? String(dropLast()) : self }
}
