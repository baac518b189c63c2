import ArgumentParser
import Glibc
import VIPConfiguration
import VIPImport
import VIPService

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Translate a keepalived configuration, and name what has no equivalent.",
    usage: "vipctl import [--config-id <name>] <keepalived.conf>",
    discussion: """
      Prints a configuration for 'vipctl run --config', each setting with the line it comes from. \
      On standard error it prints remarks, one line each with what to do: first what is not \
      carried over, then, marked 'note:', what is for your information. Nothing is guessed: what is \
      not understood is left out and named. Included files are read too. Nothing on this machine \
      is changed.

        vipctl import /etc/keepalived/keepalived.conf > vipctl.yaml
        vipctl import - < keepalived.conf
        vipctl import --config-id node2 keepalived.conf

      Exit code 0: nothing is lost; 1: something has no equivalent, the rest is \
      printed; 65: this is no configuration of keepalived, and nothing is printed.
      """)

  @Argument(
    help: ArgumentHelp("keepalived's configuration, - for standard input.", valueName: "file"))
  var file: String

  @Option(
    name: .customLong("config-id"),
    help: ArgumentHelp(
      "The machine whose lines '@NAME …' are read; this one's name up to its first dot if left out.",
      valueName: "name"))
  var configID: String?

  func run() throws {
    let result: KeepalivedImport
    do throws(FileError) {
      result = try KeepalivedImport(file, configID: configID, wording: .vipctl)
    } catch {
      throw Failure(error)
    }
    TextOutput.write(SchemaFile.line + result.yaml, to: STDOUT_FILENO)
    let lost = result.remarks.filter { $0.kind == .lost }
    for remark in lost + result.remarks.filter({ $0.kind == .note }) {
      Terminal.printError(remark.line)
    }
    let count = lost.count
    guard count == 0 else {
      throw Failure(
        .failed,
        "\(count) \(count == 1 ? "thing is" : "things are") not carried over, see above; "
          + (result.routers.isEmpty
            ? "no router could be carried over"
            : "check the rest before you use it"))
    }
  }
}
