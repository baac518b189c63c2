import Glibc
import VIPControl
import VIPReports
import VIPService

/// The standard streams and what is at their other end.
enum Terminal {
  /// Writes a line on standard output.
  static func print(_ line: String) { TextOutput.write(line + "\n", to: STDOUT_FILENO) }

  /// Writes a line on standard error.
  static func printError(_ line: String) { TextOutput.write(line + "\n", to: STDERR_FILENO) }

  /// Number of columns that a line may have; `nil` where there is no screen.
  static func width(of descriptor: Int32) -> Int? {
    guard isatty(descriptor) == 1 else { return nil }
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  /// The columns and rows of a terminal; those of a classic one if it does not say.
  static func size(of descriptor: Int32) -> (width: Int, height: Int) {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return (80, 24)
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Whether colour helps: on a screen, unless NO_COLOR (no-color.org) or a dumb terminal.
  static func wantsColour(_ descriptor: Int32) -> Bool {
    guard isatty(descriptor) == 1 else { return false }
    if let value = TextOutput.environment("NO_COLOR"), !value.isEmpty { return false }
    return TextOutput.environment("TERM") != "dumb"
  }

  /// Prints what a change would do, in the words in which it would tell what it has done.
  static func printTrial(_ change: ChangeRecord) {
    let lines = ChangeText.lines(change)
    for line in lines { print(line) }
    if lines.isEmpty { print("nothing would change") }
  }
}
