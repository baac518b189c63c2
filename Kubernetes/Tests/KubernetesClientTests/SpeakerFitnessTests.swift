import Testing
import VIP
import VIPCore
import VRRP

@testable import VIPKubernetes
@testable import VIPKubernetesRuntime

/// How weak a node without kube-proxy is beside others, and what is divided before it is applied.
@Suite struct SpeakerFitnessTests {
  @Test func `nodes without kube-proxy keep their order and are weaker than all that have one`() {
    let all = Array(Allocator.otherPriorities) + [Allocator.firstPriority]
    let weak = all.map { Int($0) - Int(SpeakerFitness.decrement) }
    #expect(Set(weak).count == all.count && weak == weak.sorted())
    #expect(weak.allSatisfy { $0 >= 1 } && (weak.max() ?? 255) < Int(all.min() ?? 0))
    #expect(all.count >= Allocator.candidateCountMax)
    guard
      case .weaker(let decrement, _) = SpeakerFitness.fitness(.kubeProxy, "it does not answer")
    else { return #expect(Bool(false)) }
    #expect(decrement == SpeakerFitness.decrement)
  }

  private static func router(_ name: String, _ vrid: VRID, _ addresses: String...)
    -> RouterConfiguration
  {
    RouterConfiguration(
      name: name, interface: "eth0", vrid: vrid, priority: 200,
      addresses: addresses.compactMap { InterfaceAddress("\($0)/32") })
  }

  @Test func `only what no router of the node has is asked for`() {
    let present = [
      Self.router("a", 31, "192.0.2.1", "192.0.2.2"), Self.router("b", 32, "192.0.2.3"),
    ]
    let wanted = [
      // Loses one and gets one.
      Self.router("a", 31, "192.0.2.1", "192.0.2.9"),
      // Gets what the other one loses.
      Self.router("b", 32, "192.0.2.3", "192.0.2.2"),
      Self.router("c", 33, "192.0.2.20"),
    ]
    let division = RouterApplication.Division(wanted, present: present)
    #expect(division.now == [Self.router("a", 31, "192.0.2.1"), wanted[1], wanted[2]])
    #expect(division.later == [wanted[0]])
    // Nothing else is to become of one that only gets some.
    let more = [Self.router("b", 32, "192.0.2.3", "192.0.2.50")]
    let third = RouterApplication.Division(more, present: present)
    #expect(third.now.isEmpty && third.later == more)
    // A router that keeps none of its addresses goes on with the new ones.
    let other = [Self.router("b", 32, "192.0.2.50")]
    let second = RouterApplication.Division(other, present: present)
    #expect(second.now.isEmpty && second.later == other)
  }
}
