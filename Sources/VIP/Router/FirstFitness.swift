import Synchronization

/// A statement about a router's fitness for a cause that the program around the node knows.
package struct FitnessStatement: Sendable, Hashable {
  /// The router's name.
  package var router: String
  /// The program's name for the cause.
  package var cause: String
  /// The statement.
  package var fitness: RouterFitness

  /// Makes a statement.
  package init(_ fitness: RouterFitness, of router: String, for cause: String) {
    self.router = router
    self.cause = cause
    self.fitness = fitness
  }
}

/// The statements about routers that are just being added: without them a router could become
/// Active before the program around the node has had its say.
package final class FirstFitness: Sendable {
  /// Says how fit a router is, by cause.
  package typealias Judge = @Sendable (RouterConfiguration) -> [String: RouterFitness]

  private let judge = Mutex<Judge?>(nil)

  /// Has these statements count from now on.
  package func use(_ judge: @escaping Judge) { self.judge.withLock { $0 = judge } }

  /// The statements about a router.
  func statements(about router: RouterConfiguration) -> [String: RouterFitness] {
    judge.withLock { $0 }?(router) ?? [:]
  }
}
