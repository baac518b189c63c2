import ArgumentParser
import Netlink
import VIP
import VIPCore

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check a configuration file against this machine, and change nothing.",
    discussion: """
      Says what 'vipctl run --config' would do, and on standard error what is wrong and where it \
      stands in the file. Errors are what 'run' would refuse; warnings are what it would go on \
      with.

        vipctl check /etc/vipctl.yaml
        vipctl check /etc/vipctl.yaml && systemctl reload vipctl

      Exit codes: 0 if 'run' would start, also with warnings; 65 if the file itself makes no \
      sense; 1 if it does not fit this machine.
      """)

  @Argument(
    help: ArgumentHelp("The configuration file; - for standard input.", valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"]))
  var file: String

  func run() throws {
    var routers: [PlacedRouter] = []
    let configuration = try ConfigurationFile.load(file) { routers.append($0) }
    let machine: MachineCheck
    do throws(NetlinkError) {
      machine = try MachineCheck()
    } catch {
      throw Failure(.failed, error.description)
    }
    for line in machine.plan(configuration) { Terminal.print(line) }
    let name = InputFile.name(file)
    var remarks = machine.remarks(configuration, routers)
    if routers.contains(where: { !$0.configuration.hooks.isEmpty }), file != "-",
      let weakness = ProgramCheck.weakness(Launch.absolute(file))
    {
      remarks.append(
        MachineCheck.Remark(
          kind: .warning,
          text: "\(weakness), who could so name other programs to run as the node's user"))
    }
    for remark in remarks {
      let place = remark.place.map { ":\($0)" } ?? ""
      Terminal.printError("\(name)\(place): \(remark.kind.rawValue): \(remark.text)".onOneLine)
    }
    let errors = remarks.count { $0.kind == .error }
    guard errors > 0 else { return }
    throw Failure(
      .failed, "\(name): \(errors) error\(errors == 1 ? "" : "s"); 'vipctl run' would refuse it")
  }
}
