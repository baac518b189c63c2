import KubernetesClient
import VIPKubernetes

@testable import VIPKubernetesRuntime

// Whole plans, for tests.
extension PlanWriter {
  /// What has become of the writes of a plan.
  struct Report: Sendable, Hashable {
    /// How many have been made.
    var madeCount = 0
    /// The one that failed and all behind it but events.
    var failed: [Write] = []
    /// Why.
    var error: APIError?
  }

  /// Makes writes one after the other, up to the first that fails.
  mutating func make(_ writes: [Write]) async -> Report {
    var report = Report()
    for (place, write) in writes.enumerated() {
      do throws(APIError) {
        try await make(write)
        report.madeCount += 1
      } catch {
        report.error = error
        report.failed = writes[place...].filter { $0.subject != nil }
        break
      }
    }
    return report
  }

  /// Reads the objects of writes that have failed.
  mutating func reread(_ writes: [Write]) async throws(APIError) -> [Observation] {
    var seen: Set<Event.Subject> = []
    var observations: [Observation] = []
    for write in writes {
      guard let subject = write.subject, seen.insert(subject).inserted else { continue }
      observations.append(try await reread(subject))
    }
    return observations
  }
}
