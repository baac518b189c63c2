import VIP
import VIPCore

/// The programs to run that a file names, with their places.
struct PlacedHooks: Sendable {
  var hooks = Hooks()
  /// The place of each program.
  var places: [Settlement.State: Place] = [:]
  /// The place of the whole.
  var place: Place?

  private static let knownKeys = Settlement.State.allCases.map(\.rawValue) + ["timeout"]

  init() {}

  /// Reads `{ active: [/path, …], …, timeout: 30s }`.
  init(_ tree: YAMLTree) throws(Diagnostic) {
    guard !tree.isEmpty else { return }
    place = tree.place
    var keys = try KeyedValues(tree, knownKeys: Self.knownKeys, where: "in 'on'")
    for state in Settlement.State.allCases {
      guard let list = keys.take(state.rawValue), !list.isEmpty else { continue }
      let items = try list.items(
        state.rawValue, example: "[/usr/local/bin/program, argument]")
      var arguments: [String] = []
      for item in items {
        guard case .scalar(let text, let isQuoted) = item.content, isQuoted || !text.isEmpty else {
          throw Diagnostic(
            item.place, "an argument of '\(state.rawValue)' is text, found \(item.kind)")
        }
        arguments.append(text)
      }
      hooks[state] = arguments
      places[state] = items.first?.place ?? list.place
    }
    if let limit = try keys.take("timeout")?.setting("timeout", SettingText.hookTimeout) {
      hooks.timeout = limit
    }
  }
}

extension SettingText {
  /// Reads the time limit of a hook.
  static func hookTimeout(_ text: String) throws(SettingError) -> Duration {
    func isPossible(_ text: String) -> Bool {
      Duration(text: text).map(Hooks.timeoutRange.contains) ?? false
    }
    if let limit = Duration(text: text), isPossible(text) { return limit }
    try refuseMissingUnit(text, isPossible: isPossible)
    throw SettingError("'\(text)' is not a time limit; give 100ms to 1h, such as 30s")
  }
}
