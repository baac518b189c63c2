import Glibc
import VIP
import VIPCore

/// Reads small files that others write, whatever they are.
enum FileProbe {
  /// The most bytes of such a file.
  static let byteCountMax = 256

  /// The time that a writer has for the text after it has emptied a file, in microseconds.
  private static let writingTime: UInt32 = 20_000

  /// The contents of a file; `nil` with the reason if there are none to be had.
  ///
  /// - Parameters:
  ///   - path: its path.
  ///   - hadText: whether there was a text in it before. One that is empty now is being written, in
  ///     all likelihood, and read once more.
  /// - Returns: its text, or the number of the error.
  static func read(_ path: String, hadText: Bool = false) -> (text: String?, code: Int32) {
    let first = readOnce(path)
    guard hadText, first.text == "" else { return first }
    usleep(writingTime)
    return readOnce(path)
  }

  private static func readOnce(_ path: String) -> (text: String?, code: Int32) {
    // Without waiting for a writer of a FIFO, and without taking a terminal for one's own.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { return (nil, errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return (nil, errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { return (nil, EINVAL) }
    var buffer = [UInt8](repeating: 0, count: byteCountMax + 1)
    let count = Glibc.read(descriptor, &buffer, buffer.count)
    guard count >= 0 else { return (nil, errno) }
    guard count <= byteCountMax else { return (nil, EFBIG) }
    return (String(decoding: buffer[..<count], as: UTF8.self), 0)
  }

  /// The result of a check of a file.
  static func look(at path: String, hadText: Bool = false) -> CheckResult {
    let (text, code) = read(path, hadText: hadText)
    if let text { return result(text, path) }
    switch code {
    case ENOENT, ENOTDIR: return .silent("\(path) is not there")
    case EINVAL: return .failure("\(path) is no ordinary file")
    case EFBIG: return .failure("\(path) is longer than \(byteCountMax) bytes")
    default: return .failure("\(path): \(errorText(code))")
    }
  }

  /// The statement of a file.
  static func result(_ text: String, _ path: String) -> CheckResult {
    let blanks: Set<Character> = [" ", "\t", "\n", "\r", "\r\n"]
    var word = text[...]
    while let first = word.first, blanks.contains(first) { word.removeFirst() }
    while let last = word.last, blanks.contains(last) { word.removeLast() }
    switch word.lowercased() {
    case "": return .silent("\(path) is empty")
    case "true", "yes", "on", "up": return .success("\(path) says \(word)")
    case "false", "no", "off", "down": return .failure("\(path) says \(word)")
    default: break
    }
    let digits = word.first == "+" || word.first == "-" ? word.dropFirst() : word
    guard word.utf8.count <= 12, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int(word.first == "+" ? digits : word)
    else {
      return .failure(
        "\(path) has '\(word.prefix(40))' in it, which is neither a number nor true or false"
          .onOneLine)
    }
    return .number(number)
  }
}
