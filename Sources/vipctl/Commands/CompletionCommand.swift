import ArgumentParser
import VIPConfiguration

struct CompletionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completion",
    abstract: "Print the script by which a shell completes words of this program.",
    discussion: """
      It knows commands, options, and the names of running routers.

        vipctl completion bash > /etc/bash_completion.d/vipctl
        vipctl completion zsh > "${fpath[1]}/_vipctl"
        vipctl completion fish > ~/.config/fish/completions/vipctl.fish
      """)

  @Argument(
    help: ArgumentHelp("bash, zsh or fish.", valueName: "shell"),
    completion: .list(["bash", "zsh", "fish"]), transform: SettingText.shell)
  var shell: CompletionShell

  func run() throws {
    Terminal.print(Vipctl.completionScript(for: shell))
  }
}

extension SettingText {
  static func shell(_ text: String) throws(SettingError) -> CompletionShell {
    guard let shell = CompletionShell(rawValue: text) else {
      throw SettingError("'\(text)' is no shell that can be helped; give bash, zsh or fish")
    }
    return shell
  }
}
