import Foundation

/// A directory that is gone, with all that is in it, when this object is.
package final class TemporaryDirectory: Sendable {
  /// The path of the directory.
  package let path: String

  /// Makes a new, empty directory with a short path, as sockets need.
  package init() throws {
    var template = Array("/tmp/vt\(getpid())-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw LabError("cannot make a directory in /tmp: \(String(cString: strerror(errno)))")
    }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress.unsafelyUnwrapped) }
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// The path of a file in the directory.
  package subscript(name: String) -> String { "\(path)/\(name)" }

  /// Writes a file.
  package func write(_ text: String, to name: String) throws {
    guard FileManager.default.createFile(atPath: self[name], contents: Data(text.utf8)) else {
      throw LabError("cannot write \(self[name])")
    }
  }
}

/// The text of a file; empty when there is none.
package func readText(_ path: String) -> String {
  guard let data = FileManager.default.contents(atPath: path) else { return "" }
  return String(decoding: data, as: UTF8.self)
}
