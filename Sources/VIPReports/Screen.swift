/// A part of a terminal that is written again and again in place.
///
/// No other screen and no clearing: each line is written over the one that stood there, in one
/// piece, so that nothing flickers, and what was on the terminal before stays in its history.
package struct Screen: Sendable {
  private var lineCount = 0
  private var size: (width: Int, height: Int)?

  /// Makes one of which nothing has been written yet.
  package init() {}

  /// The bytes that put lines where the last ones stood.
  ///
  /// What is wider or more than the terminal has room for is cut off, since a wrapped line would be
  /// in the way the next time. The cursor is away only while a frame is drawn, so that it is there
  /// whenever and however the program is stopped.
  package mutating func frame(_ lines: [String], width: Int, height: Int) -> String {
    let room = max(height - 1, 1)
    var shown = lines.prefix(room).map { Self.cut($0, to: width) }
    if lines.count > room {
      shown[room - 1] = Self.cut("… and \(lines.count - room + 1) more lines", to: width)
    }
    // Together in one step where the terminal can (tmux and most others), else simply fast.
    var text = "\u{1B}[?2026h\u{1B}[?25l\r"
    if let size, size != (width, height) {
      // The terminal has wrapped or moved what stood there: nobody knows where it is.
      text += "\u{1B}[H\u{1B}[2J"
    } else if lineCount > 0 {
      text += "\u{1B}[\(lineCount)A"
    }
    for line in shown { text += line + "\u{1B}[K\n" }
    text += "\u{1B}[J\u{1B}[?25h\u{1B}[?2026l"
    lineCount = shown.count
    size = (width, height)
    return text
  }

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
