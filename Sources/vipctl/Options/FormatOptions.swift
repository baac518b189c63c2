import ArgumentParser
import VIPConfiguration

/// The form of what a command prints.
struct FormatOptions: ParsableArguments {
  /// The forms.
  enum Format: String, CaseIterable {
    case text, json
  }

  @Flag(help: "Print everything as JSON; events one object in each line.")
  var json = false

  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp("text or json. (default: text)", valueName: "form"),
    completion: .list(["text", "json"]), transform: SettingText.outputForm)
  var output: Format?

  /// Whether it is JSON.
  var isJSON: Bool { json || output == .json }
}

extension SettingText {
  static func outputForm(_ text: String) throws(SettingError) -> FormatOptions.Format {
    guard let form = FormatOptions.Format(rawValue: text) else {
      throw SettingError("'\(text)' is not a form; give text or json")
    }
    return form
  }

  static func lineCount(_ text: String) throws(SettingError) -> Int {
    guard let number = decimal(text), (1...1000).contains(number) else {
      throw SettingError("'\(text)' is not a number of lines; give 1 to 1000")
    }
    return number
  }
}
