import Glibc
import Synchronization
import VIP
import VIPControl

/// The place where a node's process can be asked: its runtime directory and the control socket in
/// it.
///
/// A node that may do without opens it as soon as it can.
final class FrontDoor: Sendable {
  private struct State {
    var directory: RuntimeDirectory?
    var server: ControlServer?
    var isClosed = false
  }

  /// The path of the runtime directory as it was given.
  private let givenPath: String
  private let state = Mutex(State())

  /// Claims a runtime directory.
  ///
  /// - Parameters:
  ///   - path: the directory.
  ///   - unready: whether the node does without if it can't be had.
  /// - Throws: why it can't be had; always ``NodeError/Kind/alreadyRunning``.
  init(_ path: String, _ unready: UnreadyPolicy) throws(NodeError) {
    givenPath = path
    do throws(NodeError) {
      let directory = try RuntimeDirectory(path: path)
      state.withLock { $0.directory = directory }
    } catch {
      guard unready == .wait, error.kind != .alreadyRunning else { throw error }
    }
  }

  /// The path of the runtime directory, without symbolic links once it is claimed.
  var path: String { state.withLock { $0.directory }?.path ?? givenPath }

  /// The file in which the node may note its addresses; `nil` as long as the directory is not this
  /// process's.
  var addressesPath: String? {
    state.withLock { $0.directory.map { RuntimeDirectory.addressesPath(in: $0.path) } }
  }

  /// The file in which events are kept; `nil` as long as the directory is not this process's, or
  /// once it is another's.
  var eventsPath: String? {
    guard isHeld else { return nil }
    return state.withLock { $0.directory.map { RuntimeDirectory.eventsPath(in: $0.path) } }
  }

  /// Whether the node can be asked.
  var isOpen: Bool { state.withLock { $0.server != nil } }

  /// Whether the node has a control socket where clients look for it.
  var isReachable: Bool { state.withLock { $0.server.map { !$0.isLost } ?? false } }

  /// Whether the directory is this process's, and not another node's by now.
  var isHeld: Bool { state.withLock { $0.directory }?.isHeld ?? false }

  /// Whether there is no list of addresses where the node may note them.
  var lacksAddresses: Bool {
    guard isHeld, let path = addressesPath else { return false }
    return access(path, F_OK) != 0 && errno == ENOENT
  }

  /// Makes again what others have removed or replaced: the directory, the pid file, the socket.
  ///
  /// - Returns: whether that was so.
  /// - Throws: why that is not possible, such as another node that has the directory now.
  func restore() throws(NodeError) -> Bool {
    let (directory, server) = state.withLock { state in
      state.isClosed ? (nil, nil) : (state.directory, state.server)
    }
    let isReclaimed = try directory?.reclaimIfLost() ?? false
    let isReopened = try server?.listenAgainIfLost() ?? false
    return isReclaimed || isReopened
  }

  /// Claims the directory if that is still to be done, and answers on the socket from now on.
  ///
  /// - Throws: why that is not possible.
  func open(
    stream: @escaping ControlServer.StreamHandler, _ handler: @escaping ControlServer.PeerHandler
  ) throws(NodeError) {
    let directory: RuntimeDirectory
    if let claimed = state.withLock({ $0.directory }) {
      directory = claimed
      _ = try directory.reclaimIfLost()
    } else {
      directory = try RuntimeDirectory(path: givenPath)
      state.withLock { $0.directory = directory }
    }
    let server = try ControlServer(of: directory, stream: stream, peerHandler: handler)
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
