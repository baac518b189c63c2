/// A part of a terminal that is written again and again in place.
///
/// No other screen and no clearing: each line is written over the one that stood there, in one
/// piece, so that nothing flickers, and what was on the terminal before stays in its history.
struct Screen {
  private var lineCount = 0

  /// The bytes that put lines where the last ones stood.
  ///
  /// What is wider or more than the terminal has room for is cut off, since a wrapped line would be
  /// in the way the next time.
  mutating func frame(_ lines: [String], width: Int, height: Int) -> String {
    let shown = lines.prefix(max(height - 1, 1)).map { Self.cut($0, to: width) }
    // Together in one step where the terminal can (tmux and most others), else simply fast.
    var text = "\u{1B}[?2026h\u{1B}[?25l\r"
    if lineCount > 0 { text += "\u{1B}[\(lineCount)A" }
    for line in shown { text += line + "\u{1B}[K\n" }
    text += "\u{1B}[J\u{1B}[?2026l"
    lineCount = shown.count
    return text
  }

  /// The bytes that leave the terminal as it was found, below what was shown last.
  static let end = "\u{1B}[?25h"

  /// The first columns of a line; escapes take no room, and colours end with the line.
  static func cut(_ line: String, to width: Int) -> String {
    var result = ""
    var column = 0
    var isEscape = false
    for character in line {
      if isEscape {
        result.append(character)
        isEscape = !character.isLetter
      } else if character == "\u{1B}" {
        result.append(character)
        isEscape = true
      } else if column < width {
        result.append(character)
        column += 1
      }
    }
    return result
  }
}
