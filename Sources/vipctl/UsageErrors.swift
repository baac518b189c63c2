import ArgumentParser
import VIPConfiguration

/// Makes one line of what the argument parser has to say.
enum UsageErrors {
  static func failure(_ error: any Error, arguments: [String]) -> Failure {
    let command = commandName(arguments)
    let text = Vipctl.message(for: error)
    return failure(unknownOption(text, of: arguments) ?? sentence(text), command: command)
  }

  /// The refusal of a first word that should have been a command, also behind `help`; `nil` if it
  /// is one.
  static func unknownCommand(_ arguments: [String]) -> Failure? {
    let words = arguments.first == "help" ? arguments.dropFirst() : arguments[...]
    guard let unknown = words.first, !unknown.hasPrefix("-"), unknown != "help",
      !Vipctl.subcommandTypes.contains(where: { $0.configuration.commandName == unknown })
    else { return nil }
    let names = visibleCommandNames
    let hint =
      Suggestion.nearest(to: unknown, among: names).map { "did you mean '\($0)'?" }
      ?? "the commands are \(names.joined(separator: ", "))"
    return failure("unknown command '\(unknown)'; \(hint)", command: nil)
  }

  /// The refusal of an option that the command does not have; one that begins with it or is near
  /// to it is proposed, none that is far off.
  private static func unknownOption(_ message: String, of arguments: [String]) -> String? {
    let start = "Unknown option '"
    guard message.hasPrefix(start) else { return nil }
    let option = message.dropFirst(start.count).prefix { $0 != "'" }
    let word = String(option.drop { $0 == "-" })
    let nearest = Suggestion.nearest(to: word, among: optionNames(arguments))
    return "unknown option '\(option)'" + (nearest.map { "; did you mean '--\($0)'?" } ?? "")
  }

  /// The long options of the command that is meant, without dashes.
  private static func optionNames(_ arguments: [String]) -> [String] {
    var type: any ParsableCommand.Type = Vipctl.self
    for word in arguments {
      let next = type.configuration.subcommands.first { $0.configuration.commandName == word }
      guard let next else { break }
      type = next
    }
    var names: [String] = []
    for word in Vipctl.helpMessage(for: type).split(whereSeparator: { " ,/[]|()\n".contains($0) }) {
      let name = String(word.dropFirst(2))
      if word.hasPrefix("--"), !name.isEmpty, !names.contains(name) { names.append(name) }
    }
    return names
  }

  /// Wrong usage of a command, with a hint where to read about it.
  static func failure(_ text: String, command: String?) -> Failure {
    let help = command.map { "vipctl \($0) --help" } ?? "vipctl --help"
    let joint = text.hasSuffix("?") || text.hasSuffix(".") ? " See" : "; see"
    return Failure(.usage, "\(text)\(joint) '\(help)'")
  }

  /// The parser's message, as the rest of a line that has begun.
  static func sentence(_ message: String) -> String {
    if let text = valueError(message) { return text }
    var text = message.split(separator: "\n")
      .map { $0.drop { $0 == " " } }
      .joined(separator: ", ")
    if text.hasSuffix(".") { text.removeLast() }
    text = text.replacing("'. Did you mean", with: "'; did you mean")
    guard let first = text.first, text.dropFirst().first?.isUppercase != true else { return text }
    return first.lowercased() + text.dropFirst()
  }

  /// `The value 'x' is invalid for '--vrid <n>': what is wrong with 'x'` says `x` once too often.
  private static func valueError(_ message: String) -> String? {
    guard message.hasPrefix("The value '"),
      let start = message.firstRange(of: "' is invalid for '"),
      let end = message[start.upperBound...].firstRange(of: "': ")
    else { return nil }
    let flag = message[start.upperBound..<end.lowerBound].prefix { $0 != " " }
    return "\(flag): \(message[end.upperBound...])"
  }

  private static var visibleCommandNames: [String] {
    Vipctl.subcommandTypes.map { $0.configuration }
      .filter { $0.shouldDisplay }
      .compactMap { $0.commandName }
  }

  private static func commandName(_ arguments: [String]) -> String? {
    guard let first = arguments.first, visibleCommandNames.contains(first) else { return nil }
    return first
  }
}
