import ArgumentParser
import Glibc
import VIPConfiguration
import VIPImport
import VIPService

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Translate a keepalived configuration, and say what has no equivalent.",
    usage: "vipctl import <keepalived.conf>",
    discussion: """
      Prints a configuration for 'vipctl run --config', each setting with the line it comes from, \
      and on standard error one line for everything that could not be carried over, with what to \
      do about it. Nothing is guessed: what is not understood is left out and named. Lines with \
      'note:' say what else there is to know; nothing is lost there. Files that it includes are \
      read too. Nothing on this machine is changed.

        vipctl import /etc/keepalived/keepalived.conf > vipctl.yaml
        vipctl import - < keepalived.conf

      Exit code 0: nothing is lost; 1: something has no equivalent, the rest is \
      printed; 65: this is no configuration of keepalived, and nothing is printed.
      """)

  @Argument(
    help: ArgumentHelp("keepalived's configuration, - for standard input.", valueName: "file"))
  var file: String

  func run() throws {
    let result: KeepalivedImport
    do throws(FileError) {
      result = try KeepalivedImport(file, wording: .vipctl)
    } catch {
      throw Failure(error)
    }
    TextOutput.write(result.yaml, to: STDOUT_FILENO)
    for remark in result.remarks { Terminal.printError(remark.line) }
    let count = result.remarks.count { $0.kind == .lost }
    guard count == 0 else {
      throw Failure(
        .failed,
        "\(count) \(count == 1 ? "thing has" : "things have") no equivalent, see above; "
          + (result.routers.isEmpty
            ? "no router could be carried over"
            : "check the rest before you use it"))
    }
  }
}
