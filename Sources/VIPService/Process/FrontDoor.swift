import Synchronization
import VIP
import VIPControl

/// Where a node's process can be asked: its runtime directory and the control socket in it.
///
/// A node that may do without opens it as soon as it can.
final class FrontDoor: Sendable {
  private struct State {
    var directory: RuntimeDirectory?
    var server: ControlServer?
    var isClosed = false
  }

  /// The path of the runtime directory.
  let path: String
  private let state = Mutex(State())

  /// Claims a runtime directory.
  ///
  /// - Parameters:
  ///   - path: the directory.
  ///   - unready: whether the node does without if it can't be had.
  /// - Throws: why it can't be had; always ``NodeError/Kind/alreadyRunning``.
  init(_ path: String, _ unready: UnreadyPolicy) throws(NodeError) {
    self.path = path
    do throws(NodeError) {
      let directory = try RuntimeDirectory(path: path)
      state.withLock { $0.directory = directory }
    } catch {
      guard unready == .wait, error.kind != .alreadyRunning else { throw error }
    }
  }

  /// Where the node may note its addresses; `nil` as long as the directory is not this process's.
  var addressesPath: String? {
    state.withLock { $0.directory == nil ? nil : RuntimeDirectory.addressesPath(in: path) }
  }

  /// Whether the node can be asked.
  var isOpen: Bool { state.withLock { $0.server != nil } }

  /// Claims the directory if that is still to be done, and answers on the socket from now on.
  ///
  /// - Throws: why that is not possible.
  func open(
    stream: @escaping ControlServer.StreamHandler, _ handler: @escaping ControlServer.Handler
  ) throws(NodeError) {
    let directory: RuntimeDirectory
    if let claimed = state.withLock({ $0.directory }) {
      directory = claimed
    } else {
      directory = try RuntimeDirectory(path: path)
      state.withLock { $0.directory = directory }
    }
    let server = try ControlServer(in: directory, stream: stream, handler: handler)
    let isLate = state.withLock { state in
      if !state.isClosed { state.server = server }
      return state.isClosed
    }
    if isLate { server.close() }
  }

  /// Answers what has come in, and nothing more.
  func finish() async {
    let server = state.withLock { state in
      state.isClosed = true
      return state.server
    }
    await server?.finish()
  }

  /// Gives the directory to another node, at the very end.
  ///
  /// Tasks that still look at the door must not keep the files of a node that has ended.
  func leave() {
    state.withLock { $0.directory }?.release()
  }
}
