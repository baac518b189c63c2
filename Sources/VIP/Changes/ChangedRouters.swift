/// The routers of a node as a change sees them: what it asks of them, and the few things that it
/// does.
///
/// An ``Engine`` has them; what a change makes of it can be tested without one.
package protocol ChangedRouters: AnyObject {
  /// The settings of all routers, also of those that are leaving.
  var allSettings: [RouterConfiguration] { get }
  /// The names of all routers, in the order in which they were added.
  var routerNames: [String] { get }
  /// The words in which users know settings and commands.
  var wording: Wording { get }

  /// The groups of routers that move together.
  var groups: [RouterGroup] { get }

  /// The settings of a router; those it has left with if it is leaving.
  func settings(named name: String) -> RouterConfiguration?
  /// Whether a router is there, also while it is leaving.
  func contains(_ name: String) -> Bool
  /// Whether a router is there and not leaving.
  func isStaying(_ name: String) -> Bool
  /// Whether a router has left the election but still has addresses to remove.
  func isLeaving(_ name: String) -> Bool
  /// The statements of the program that runs the node about a router, by cause.
  func fitness(of name: String) -> [String: RouterFitness]
  /// The error for a name that no router has.
  func unknownRouter(_ name: String) -> NodeError

  /// Checks that routers can be added or changed as wanted, beside those that stay as they are.
  func check(
    _ wanted: [RouterConfiguration], removing removed: Set<String>, lease: LeasePolicy?,
    unready: UnreadyPolicy
  ) throws(NodeError)
  /// Removes, changes, replaces and adds routers.
  ///
  /// - Returns: what has to wait until the routers that leave are gone.
  func rearrange(_ wanted: Rearrangement) throws(NodeError) -> Rearrangement
  /// Starts to remove a router.
  ///
  /// - Returns: whether there is such a router.
  @discardableResult
  func remove(_ name: String) -> Bool
}

extension ChangedRouters {
  /// No groups, unless there can be some.
  package var groups: [RouterGroup] { [] }
}

extension Engine: ChangedRouters {}
