import AsyncHTTPClient
import KubernetesClient
import NIOCore
import NIOHTTP1

/// Whether kube-proxy answers on its health port, by the results of single looks.
///
/// Until it has been well for the first time each failure counts: a node that has come up before
/// its kube-proxy must not take what it can't serve.
struct ProxyJudge: Sendable, Hashable {
  /// How many looks have to fail one after the other before it counts as dead.
  static let failuresMax = 3
  /// How many have to succeed before it counts as well again.
  static let successesMin = 2

  /// What to do where kube-proxy has never answered.
  private static let remedy = "start it, or set --kube-proxy=off where there is none"

  private var failures = 0
  private var successes = 0
  /// Why it counts as dead; `nil` if it does not.
  private(set) var problem: String?
  /// Whether it has ever been well.
  private(set) var hasBeenWell = false

  init() {}

  /// Takes the result of a look, `nil` for success, and says whether the verdict has changed.
  mutating func take(_ failure: String?) -> Bool {
    let before = problem
    if let failure {
      failures += 1
      successes = 0
      if problem == nil, !hasBeenWell || failures >= Self.failuresMax {
        problem = hasBeenWell ? failure : "\(failure); \(Self.remedy)"
      }
    } else {
      successes += 1
      failures = 0
      if !hasBeenWell || successes >= Self.successesMin { problem = nil }
      hasBeenWell = true
    }
    return problem != before
  }
}

/// Looks at kube-proxy's health port.
public struct ProxyCheck: Sendable {
  /// The time between two looks.
  public var period: Duration
  /// Looks once; says what is wrong, `nil` if nothing is.
  public var look: @Sendable () async -> String?

  /// Makes a check with a way to look.
  public init(every period: Duration = .seconds(2), look: @escaping @Sendable () async -> String?) {
    self.period = period
    self.look = look
  }

  /// Makes a check of a URL, such as `http://127.0.0.1:10256/healthz`.
  public init(url: String) {
    self.init {
      do throws(any Error) {
        let response = try await HTTPClient.shared.execute(
          HTTPClientRequest(url: url), timeout: .seconds(1))
        // The answer is short; what is left of it is not read.
        guard response.status.code == 200 else {
          return "kube-proxy says \(response.status.code) at \(url)"
        }
        return nil
      } catch {
        return "kube-proxy does not answer at \(url)"
      }
    }
  }

  /// Looks again and again until the task is cancelled, and tells each change of the verdict.
  func run(
    _ clock: any ClientClock, tell: @Sendable (_ problem: String?) -> Void
  ) async {
    var judge = ProxyJudge()
    while !Task.isCancelled {
      if judge.take(await look()) { tell(judge.problem) }
      do throws(CancellationError) {
        try await clock.sleep(until: clock.now + period)
      } catch {
        return
      }
    }
  }
}
