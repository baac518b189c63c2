import ArgumentParser

/// Makes one line of what the argument parser has to say.
enum UsageErrors {
  static func failure(_ error: any Error, arguments: [String]) -> Failure {
    let command = commandName(arguments)
    let help = command.map { "vipctl \($0) --help" } ?? "vipctl --help"
    if let unknown = unknownCommand(arguments) {
      let names = visibleCommandNames
      let hint =
        Suggestion.nearest(to: unknown, among: names).map { "did you mean '\($0)'?" }
        ?? "there is \(names.joined(separator: ", "));"
      return Failure(.usage, "unknown command '\(unknown)'; \(hint) See '\(help)'")
    }
    var text = sentence(Vipctl.message(for: error))
    text += text.hasSuffix("?") || text.hasSuffix(".") ? " See" : "; see"
    return Failure(.usage, "\(text) '\(help)'")
  }

  /// The parser's first line without its capital, as the rest of a line that has begun.
  private static func sentence(_ message: String) -> String {
    var text = message.split(separator: "\n")
      .map { $0.drop { $0 == " " } }
      .joined(separator: ", ")
    if text.hasSuffix("."), !text.contains("Did you mean") { text.removeLast() }
    guard let first = text.first, text.dropFirst().first?.isUppercase != true else { return text }
    return first.lowercased() + text.dropFirst()
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
