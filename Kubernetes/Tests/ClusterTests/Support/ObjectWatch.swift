import Foundation
import Glibc
import Synchronization

/// A watch of the API server that notes when each change came.
final class ObjectWatch<Object: Decodable & Sendable>: Sendable {
  /// A change of an object.
  struct Event: Sendable {
    /// `ADDED`, `MODIFIED` or `DELETED`.
    let type: String
    /// The object after it.
    let object: Object
    /// When the server told it.
    let at: Moment
  }

  private let process: ChildProcess
  private let shared = Shared()

  private final class Shared: Sendable {
    struct State {
      var events: [Event] = []
      var failure: String?
    }
    let state = Mutex(State())
    let wish = Atomic<Bool>(false)
  }

  /// Begins to watch the objects at a path; those that are there come first.
  init(_ path: String, of api: API, in directory: TemporaryDirectory, name: String) throws {
    let file = directory["watch-\(name)"]
    process = try ChildProcess(api.curl + ["-N", "\(API.server)\(path)?watch=1"], logPath: file)
    let shared = shared
    let thread = Thread { Self.read(file, shared) }
    thread.name = "watch"
    thread.start()
  }

  deinit { shared.wish.store(true, ordering: .relaxed) }

  /// The changes so far.
  func events() throws -> [Event] {
    try process.requireRunning()
    return try shared.state.withLock { state in
      if let failure = state.failure { throw LabError("a watch: \(failure)") }
      return state.events
    }
  }

  /// Waits for the first change that a condition wants.
  func first(_ what: String, where isWanted: (Event) -> Bool) throws -> Event {
    try eventually(what, within: .seconds(60), poll: .milliseconds(1)) {
      try events().first(where: isWanted)
    }
  }

  private static func read(_ file: String, _ shared: Shared) {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    defer { close(descriptor) }
    var line: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while !shared.wish.load(ordering: .relaxed) {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      guard count > 0 else {
        pause(.milliseconds(1))
        continue
      }
      let now = Moment.now
      for byte in buffer[..<count] {
        guard byte == UInt8(ascii: "\n") else {
          line.append(byte)
          continue
        }
        let whole = Data(line)
        line = []
        let read = Result { try JSONDecoder().decode(Line.self, from: whole) }
        shared.state.withLock { state in
          switch read {
          case .success(let read):
            state.events.append(Event(type: read.type, object: read.object, at: now))
          case .failure: state.failure = String(decoding: whole.prefix(300), as: UTF8.self)
          }
        }
      }
    }
  }

  private struct Line: Decodable {
    let type: String
    let object: Object
  }
}
