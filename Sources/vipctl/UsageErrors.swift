import ArgumentParser
import VIPConfiguration

/// Makes one line of what the argument parser has to say.
enum UsageErrors {
  static func failure(_ error: any Error, arguments: [String]) -> Failure {
    let command = commandName(arguments)
    if let unknown = unknownCommand(arguments) {
      let names = visibleCommandNames
      let hint =
        Suggestion.nearest(to: unknown, among: names).map { "did you mean '\($0)'?" }
        ?? "the commands are \(names.joined(separator: ", "))"
      return failure("unknown command '\(unknown)'; \(hint)", command: nil)
    }
    return failure(sentence(Vipctl.message(for: error)), command: command)
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

  /// The first word, if it should have been a command.
  private static func unknownCommand(_ arguments: [String]) -> String? {
    guard let first = arguments.first, !first.hasPrefix("-"), first != "help" else { return nil }
    let known = Vipctl.subcommandTypes.contains { $0.configuration.commandName == first }
    return known ? nil : first
  }
}
