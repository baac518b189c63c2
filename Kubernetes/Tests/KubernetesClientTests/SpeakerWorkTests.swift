import ARP
import KubernetesClient
import Synchronization
import Testing
import VIP
import VIPCore
import VIPKubernetes
import VIPTesting
import VRRP

@testable import VIPKubernetesRuntime

/// What a speaker does beside its routers, and what does not wait for them.
@Suite(.timeLimit(.minutes(5))) struct SpeakerWorkTests {
  @Test func aNodeThatComesUpBeforeItsKubeProxyIsWeakerAtOnce() async throws {
    try await SpeakerLab.run { lab in
      lab.put()
      lab.proxyProblem.withLock { $0 = "kube-proxy does not answer" }
      try lab.start(proxy: true)
      await eventually("it is weaker") { await lab.status()?.effectivePriority == 100 }
      #expect(lab.gauges?.unfit["kube-proxy"] != nil)
      // With no other node it serves all the same.
      await eventually("the address is held") { lab.held == ["192.0.2.100"] }
      lab.proxyProblem.withLock { $0 = nil }
      await eventually("it has its own priority") {
        await lab.status()?.effectivePriority == 200
      }
    }
  }

  @Test func theLeaseOfANodeThatRegistersAgainGoesWithTheNewOne() async throws {
    try await SpeakerLab.run { lab in
      try lab.start(leaseNamespace: "vipctl-system")
      await eventually("it has a Lease") { lab.leases.count == 1 }
      let first = try #require(lab.nodeUID)
      let lease =
        "/apis/coordination.k8s.io/v1/namespaces/vipctl-system/leases/vipctl-speaker-node-a"
      // As the garbage collector does it.
      lab.api.remove("/api/v1/nodes/node-a")
      lab.api.remove(lease)
      let count = lab.requests.count
      lab.annotate(isInMaintenance: false)
      let second = try #require(lab.nodeUID)
      #expect(first != second)
      await eventually("it has a Lease again, of the new Node") {
        let made = lab.requests.last { $0.method == "POST" && $0.path.hasSuffix("/leases") }
        return lab.leases.count == 1 && made?.body.contains(#""uid":"\#(second)""#) == true
      }
      // None was made for the one that is no more.
      let made = lab.requests.dropFirst(count).filter {
        $0.method == "POST" && $0.path.hasSuffix("/leases")
      }
      #expect(made.allSatisfy { $0.body.contains(second) })
    }
  }

  @Test func aLeaseThatIsStillThereGetsTheNewOwner() async throws {
    try await SpeakerLab.run { lab in
      try lab.start(leaseNamespace: "vipctl-system")
      await eventually("it has a Lease") { lab.leases.count == 1 }
      lab.api.remove("/api/v1/nodes/node-a")
      lab.annotate(isInMaintenance: false)
      let uid = try #require(lab.nodeUID)
      await eventually("its owner is another one") {
        lab.requests.contains {
          $0.method == "PATCH" && $0.path.hasSuffix("/leases/vipctl-speaker-node-a")
            && $0.body.contains(#""ownerReferences":[{"#) && $0.body.contains(uid)
        }
      }
    }
  }

  @Test func maintenanceDoesNotWaitForAddressesThatAreAskedFor() async throws {
    try await SpeakerLab.run { lab in
      lab.put(["192.0.2.100"])
      lab.put(
        ["192.0.2.200", "192.0.2.201"], candidates: [("node-a", 200)], vrid: 32, named: "lan-2")
      try lab.start()
      await eventually("all are held") { lab.held.count == 3 }
      await eventually("that is said") {
        lab.entry?.generation == 1 && lab.entry(in: "lan-2")?.generation == 1
      }
      // So many that to find them takes a minute and more.
      let wanted = (101...116).map { "192.0.2.\($0)" }
      let taken = wanted.compactMap { IPAddress($0) }
      let stranger = Task {
        while !Task.isCancelled {
          for address in taken {
            lab.machine.hear(
              AddressClaim(
                address: address, mac: MACAddress(2, 0, 0, 0, 0, 9), form: .reply))
          }
          try? await Task.sleep(for: .milliseconds(20))
        }
      }
      defer { stranger.cancel() }
      lab.put(["192.0.2.100"] + wanted)
      await eventually("it is asked for them") {
        lab.gauges?.isBusy == true
      }
      // Another router's change is acknowledged, and what is to go goes.
      lab.put(
        ["192.0.2.201"], leaving: [("192.0.2.200", 2)], candidates: [("node-a", 200)], vrid: 32,
        named: "lan-2")
      await eventually("the other one is acknowledged") {
        lab.entry(in: "lan-2")?.generation == 2
      }
      // That was while the first one was not done with.
      #expect(lab.entry?.generation == 1 && lab.gauges?.isBusy == true)
      #expect(!lab.held.contains("192.0.2.200"))
      lab.annotate(isInMaintenance: true)
      await eventually("nothing is held") { lab.held.isEmpty }
    }
  }
}
