import ARP
import ArgumentParser
import Netlink
import VIP
import VIPConfiguration
import VIPCore
import VIPService

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check a configuration file against this machine, and change nothing.",
    discussion: """
      Prints what 'vipctl run --config' would do, and on standard error what is wrong, with its place \
      in the file. 'run' would refuse an error, and go on with a warning.

        vipctl check /etc/vipctl.yaml
        vipctl check /etc/vipctl.yaml && systemctl reload vipctl
        vipctl check /etc/vipctl.yaml --probe

      --probe also probes the segment, for a second or one interval: which machines answer for \
      the addresses, and which advertise on their VRIDs. A node may run meanwhile; no cache \
      changes. It needs CAP_NET_RAW. It also runs each health check once, and prints the result.

      Lines begin with what they mean: 'error', 'run' would refuse the file; 'waits', 'run' would \
      start and that part waits until the machine is ready for it; 'conflict', another machine is \
      in the way; 'warning', it would go on with that; 'note', nothing is wrong.

      Exit codes: 0 if 'run' would start, also with warnings and with what waits; 65 if the file \
      itself is invalid; 1 if it has errors on this machine, conflicts with others on the \
      segment, or, with --strict, something would wait; 77 if the segment may not be asked.
      """)

  @Argument(
    help: ArgumentHelp("The configuration file; - for standard input.", valueName: "file"),
    completion: Completions.configuration)
  var file: String

  @Flag(help: "Ask the segment too which machines use the addresses and VRIDs, and run each check.")
  var probe = false

  @Flag(help: "Take what would wait for an error, as 'run --strict' does.")
  var strict = false

  func run() throws {
    var routers: [PlacedRouter] = []
    var checks: [PlacedCheck] = []
    var groups: [PlacedGroup] = []
    let configuration: FileConfiguration
    do throws(FileError) {
      configuration = try ConfigurationFile.load(
        file, router: { routers.append($0) }, check: { checks.append($0) },
        group: { groups.append($0) })
    } catch {
      throw Failure(error)
    }
    if probe {
      let missing = ProcessCapabilities.missing().filter { $0 == "CAP_NET_RAW" }
      guard missing.isEmpty else { throw Permissions.failure(missing) }
    }
    let machine: MachineCheck
    do throws(NetlinkError) {
      machine = try MachineCheck()
    } catch {
      throw Failure(.failed, error.description)
    }
    for line in machine.plan(configuration) { Terminal.print(line) }
    var remarks = machine.remarks(configuration, routers, groups: groups)
    // What this check does not know, the node itself does: the same code that 'run' goes through.
    if !remarks.contains(where: { $0.kind == .error }), let refusal = refusal(of: configuration) {
      remarks.append(MachineCheck.Remark(kind: .error, text: refusal))
    }
    remarks += HealthCheckRemarks.remarks(checks, routers, machine: machine)
    let ofFile = ProgramCheck.remark(file, routers, checks, groups: groups)
    remarks += ofFile.map { [$0] } ?? []
    tell(remarks)
    if probe {
      let answers: SegmentReport
      do throws(FrameError) {
        answers = try SegmentReport.ask(routers, machine)
      } catch {
        throw Failure(error)
      }
      for line in answers.lines { Terminal.print(line) }
      try tryChecks(configuration)
      tell(answers.remarks)
      remarks += answers.remarks
    }
    let name = InputFile.name(file)
    let errors = remarks.count { $0.kind == .error }
    let conflicts = remarks.count { $0.kind == .conflict }
    let waiting = strict ? remarks.count { $0.kind == .waits } : 0
    if errors > 0 {
      throw Failure(
        .failed, "\(name): \(errors) error\(errors == 1 ? "" : "s"); 'vipctl run' would refuse it")
    }
    if conflicts > 0 {
      throw Failure(
        .failed,
        "\(name): \(conflicts) conflict\(conflicts == 1 ? "" : "s") with other machines on the segment"
      )
    }
    if waiting > 0 {
      throw Failure(
        .failed,
        "\(name): \(waiting) part\(waiting == 1 ? "" : "s") would wait; 'vipctl run --strict' would "
          + "refuse it")
    }
  }

  /// Runs each health check once and says what would follow.
  private func tryChecks(_ file: FileConfiguration) throws {
    do throws(NodeError) {
      for line in try HealthCheckRemarks.trial(file) { Terminal.print(line) }
    } catch {
      throw Failure(.failed, error.description)
    }
  }

  private func tell(_ remarks: [MachineCheck.Remark]) {
    let name = InputFile.name(file)
    for remark in remarks {
      let place = remark.place.map { ":\($0)" } ?? ""
      Terminal.printError("\(name)\(place): \(remark.kind.rawValue): \(remark.text)".onOneLine)
    }
  }

  /// The reason why a node would not take the routers; `nil` if it would, or if that can't be
  /// known.
  private func refusal(of file: FileConfiguration) -> String? {
    do throws(NodeError) {
      _ = try Node.preview(
        file.routers, onNodeWithLease: file.settings.lease, unready: .wait)
      return nil
    } catch {
      return error.kind == .notPermitted ? nil : error.description
    }
  }
}
