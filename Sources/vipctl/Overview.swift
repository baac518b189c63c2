import VIPControl
import VIPReports
import VIPService

/// The answer to `vipctl` alone: the status if a node runs, else what there is, in short.
enum Overview {
  /// The commands that people use, by what for.
  static let groups: [(title: String, commands: [String])] = [
    ("Run", ["up", "down", "run", "reload", "check"]),
    ("Look", ["status", "events", "metrics", "monitor"]),
    ("Change", ["add", "remove", "set", "config"]),
    ("Move", ["resign", "promote", "resume", "drain", "undrain"]),
    ("More", ["announce", "simulate", "import", "completion", "version"]),
  ]

  /// Prints it.
  ///
  /// - Parameter directory: the runtime directory of the node that is meant.
  static func show(_ directory: String) {
    let client = NodeClient(directory: directory)
    guard case .done(let status)? = try? client.ask(.status(nil)) else {
      return Terminal.print(help)
    }
    Terminal.print(
      StatusTable(
        width: Terminal.width(of: 1), colour: Terminal.wantsColour(1)
      ).render(status))
  }

  /// A short help.
  static var help: String {
    let width = groups.map(\.title.count).max() ?? 0
    let lines = groups.map { group in
      "  \(group.title)\(String(repeating: " ", count: width - group.title.count))  "
        + group.commands.joined(separator: ", ")
    }
    return """
      Keeps an IP address alive when the machine that holds it dies.

      Do the same on two or more machines of one network, as root:

        vipctl up 192.0.2.10/24 --interface eth0 --vrid 51

      The commands:

      \(lines.joined(separator: "\n"))

      'vipctl help COMMAND' has examples for each, 'vipctl --help' says what each does.
      """
  }
}
