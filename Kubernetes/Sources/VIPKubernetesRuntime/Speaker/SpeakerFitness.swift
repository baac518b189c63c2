import VIP
import VIPCore
import VRRP

/// Why a speaker's node is not to hold addresses.
enum UnfitCause: String, Sendable, Hashable, CaseIterable {
  /// An operator wants everything handed over.
  case maintenance
  /// What brings traffic from the addresses to the Services does not run.
  case kubeProxy = "kube-proxy"
}

/// What a node's routers have been told about its fitness.
struct SpeakerFitness: Sendable {
  /// How much weaker the routers of a node without kube-proxy are, which have priorities from 101
  /// to 200: weaker than those of any node with it, and in the same order among one another.
  ///
  /// They are not away, since kube-proxy may have died on all nodes, and its rules may still do
  /// their work.
  static let decrement: UInt8 = 100
  /// For how long a router that hands over stays away, which others need to take over.
  private static let resignation: Duration = .seconds(5)

  private var told: [String: [UnfitCause: RouterFitness]] = [:]

  /// What is to be told for a cause.
  static func fitness(_ cause: UnfitCause, _ text: String?) -> RouterFitness {
    guard let text else { return .fit }
    switch cause {
    case .maintenance: return .unfit(because: text)
    case .kubeProxy: return .weaker(by: decrement, because: text)
    }
  }

  /// Tells all routers of a node what they have not been told yet.
  ///
  /// - Returns: the routers that have become weaker, and are to hand over if there is any other.
  mutating func tell(_ node: Node, _ problems: [UnfitCause: String]) async -> [String] {
    var weakened: [String] = []
    let names = await node.routerNames
    told = told.filter { names.contains($0.key) }
    for name in names {
      for cause in UnfitCause.allCases {
        let fitness = Self.fitness(cause, problems[cause])
        let before = told[name]?[cause] ?? .fit
        guard fitness != before else { continue }
        do throws(NodeError) {
          try await node.setFitness(fitness, of: name, for: cause.rawValue)
          told[name, default: [:]][cause] = fitness
          if case .weaker = fitness, before == .fit { weakened.append(name) }
        } catch {
          // It has gone meanwhile, or is told with the next turn.
        }
      }
    }
    return weakened
  }

  /// Leaves routers to others, if there are any: those that hold addresses hand them over.
  ///
  /// One that holds nothing has nothing to leave, and must not stay away when it is needed.
  static func leave(_ names: [String], of node: Node) async {
    await withTaskGroup(of: Void.self) { group in
      for name in names {
        group.addTask {
          do throws(NodeError) {
            let states = try await node.status(name).routers.map(\.state)
            guard states.contains(.active) else { return }
            try await node.resign(name, for: Self.resignation)
          } catch {
            // No other has taken over, or it has nothing: it serves as before.
          }
        }
      }
    }
  }
}
