import Glibc
import VIPCore

/// A node of a ``Cluster``: a namespace with `eth0`, in which a kube-proxy runs.
final class ClusterNode: Sendable {
  /// The number, from 1 on.
  let number: Int
  /// The name of the node, which is also that of its namespace.
  let name: String
  private let lab: String

  init(number: Int, lab: String) {
    self.number = number
    self.lab = lab
    name = "\(lab)n\(number)"
  }

  /// Whether the node has an address on any of its interfaces.
  func holds(_ address: IPAddress) throws -> Bool {
    try !check(["ip", "-n", name, "-o", "address", "show", "to", "\(address)"]).isEmpty
  }

  /// The addresses of the pool that the node has.
  func poolAddresses() throws -> Set<IPAddress> {
    try NetlinkProbe(namespace: name).addresses(where: Cluster.isInPool)
  }

  /// Cuts the cable: the node loses its carrier.
  func cut() throws { try check([Laboratory.script, "cable", lab, "\(number)", "cut"]) }

  /// Plugs the cable in again.
  func plug() throws { try check([Laboratory.script, "cable", lab, "\(number)", "plug"]) }

  /// Every process of the node, wherever it was started.
  func processes() throws -> [pid_t] {
    try check(["ip", "netns", "pids", name]).split(separator: "\n").compactMap { pid_t($0) }
  }

  /// Ends every process of the node at once, as the death of a machine would; its kernel goes on.
  func killAll() throws {
    // All are stopped before the first is killed: none shall notice that another one died.
    for number in [SIGSTOP, SIGKILL] { try signalAll(number) }
    try eventually("nothing runs on \(name)") { try processes().isEmpty }
  }

  /// Lets every process of the node stand still.
  func freeze() throws { try signalAll(SIGSTOP) }

  /// Lets them go on.
  func thaw() throws { try signalAll(SIGCONT) }

  private func signalAll(_ number: Int32) throws {
    for process in try processes() { kill(process, number) }
  }
}
