import Synchronization
import VIP
import VIPConfiguration
import VIPControl

/// Reads the configuration file while the node runs.
///
/// It may lie where nothing answers (a network that is down, a FIFO without a writer): so on a
/// thread of its own, which is not waited for longer than a while.
final class FileReading: Sendable {
  private static let threadCountMax = 4

  private let patience: Duration
  /// Number of threads that have not come back.
  private let threadCount = Atomic(0)

  init(patience: Duration = .seconds(15)) {
    self.patience = patience
  }

  func load(
    _ path: String, _ unready: UnreadyPolicy = .refuse
  ) async throws(ControlFailure) -> FileConfiguration {
    typealias Outcome = Result<FileConfiguration, ControlFailure>
    let late = ControlFailure(.failed, "\(path): it can't be read within \(patience)")
    guard threadCount.load(ordering: .relaxed) < Self.threadCountMax else { throw late }
    let (outcomes, outcome) = AsyncStream.makeStream(of: Outcome.self)
    threadCount.add(1, ordering: .relaxed)
    do throws(NodeError) {
      try DetachedThread.start("the thread that reads the configuration") { [self] in
        do throws(FileError) {
          outcome.yield(.success(try ConfigurationFile.load(path, unready: unready)))
        } catch {
          let kind: ControlFailure.Kind = error.kind == .invalid ? .file : .failed
          outcome.yield(.failure(ControlFailure(kind, error.description)))
        }
        threadCount.subtract(1, ordering: .relaxed)
      }
    } catch {
      threadCount.subtract(1, ordering: .relaxed)
      throw ControlFailure(.failed, error.description)
    }
    let limit = Task { [patience] in
      try await Task.sleep(for: patience)
      outcome.yield(.failure(late))
    }
    defer { limit.cancel() }
    for await outcome in outcomes { return try outcome.get() }
    throw late
  }
}
