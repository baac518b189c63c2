import ARP
import KubernetesClient
import Netlink
import Synchronization
import Testing
import VIP
import VIPCore
import VIPKubernetes
import VIPTesting
import VRRP

@testable import VIPKubernetesRuntime

/// The speaker with all that is around it, against an API server and on a machine in memory.
///
/// The node's time is the computer's, and nothing waits for a certain time of it.
@Suite(.timeLimit(.minutes(5))) struct SpeakerLoopTests {
  @Test func aRouterIsServedAndSaidToBe() async throws {
    try await SpeakerLab.run { lab in
      lab.put()
      try lab.start()
      await eventually("the address is held") { lab.held == ["192.0.2.100"] }
      await eventually("that is said") { lab.router?.status.active[.ipv4]?.node == "node-a" }
      #expect(lab.entry?.generation == lab.router?.metadata.generation)
      #expect(lab.entry?.problem == nil)
      #expect(lab.router?.status.active[.ipv4]?.since.hasPrefix("20") == true)
      await eventually("it is ready") { lab.gauges?.isReady == true }
      #expect(lab.gauges?.routerCount == 1)
    }
  }

  @Test func aNodeEntersItselfBeforeItServes() async throws {
    try await SpeakerLab.run { lab in
      // What another node says stays.
      lab.put()
      try lab.start()
      await eventually("the address is held") {
        let isHeld = !lab.held.isEmpty
        if isHeld { #expect(lab.entry != nil) }
        return isHeld
      }
    }
  }

  @Test func anAddressIsGoneBeforeThatIsAcknowledged() async throws {
    try await SpeakerLab.run { lab in
      lab.put(["192.0.2.100", "192.0.2.101"])
      try lab.start()
      await eventually("both are held") { lab.held.count == 2 }
      lab.put(["192.0.2.100"], leaving: [("192.0.2.101", 2)])
      await eventually("it is acknowledged") {
        let isAcknowledged = lab.entry?.generation == 2
        // Looked at afterwards: it does not come back.
        if isAcknowledged { #expect(lab.held == ["192.0.2.100"]) }
        return isAcknowledged
      }
    }
  }

  @Test func whatIsStillOnAnInterfaceIsNotAcknowledgedAsGone() async throws {
    try await SpeakerLab.run { lab in
      lab.put(["192.0.2.100", "192.0.2.101"])
      try lab.start()
      await eventually("both are held") { lab.held.count == 2 }
      await eventually("it is acknowledged") { lab.entry?.generation == 1 }
      let address = try #require(IPAddress("192.0.2.101"))
      lab.ghosts.addresses.withLock { $0 = [address] }
      lab.put(["192.0.2.100"], leaving: [("192.0.2.101", 2)])
      await eventually("it waits") { lab.gauges?.withheldCount == 1 }
      #expect(lab.entry?.generation == 1)
      lab.ghosts.addresses.withLock { $0 = [] }
      await eventually("it is acknowledged") { lab.entry?.generation == 2 }
    }
  }

  @Test func anAddressThatAStrangerUsesKeepsNoOtherFromBeingServed() async throws {
    try await SpeakerLab.run { lab in
      lab.put(["192.0.2.100"])
      try lab.start()
      await eventually("the address is held") { lab.held == ["192.0.2.100"] }
      let address = try #require(IPAddress("192.0.2.101"))
      let claim = AddressClaim(
        address: address, mac: MACAddress(2, 0, 0, 0, 0, 9), form: .reply)
      let stranger = Task {
        while !Task.isCancelled {
          lab.machine.hear(claim)
          try? await Task.sleep(for: .milliseconds(20))
        }
      }
      defer { stranger.cancel() }
      lab.put(["192.0.2.100", "192.0.2.101", "192.0.2.102"])
      await eventually("the other one is held") { lab.held == ["192.0.2.100", "192.0.2.102"] }
      await eventually("it is said why") {
        lab.entry?.generation == 2 && lab.entry?.problem?.contains("192.0.2.101") == true
      }
      stranger.cancel()
      await eventually("all are held") { lab.held.count == 3 }
      await eventually("there is no problem any more") {
        lab.entry != nil && lab.entry?.problem == nil
      }
    }
  }

  @Test func aNodeThatIsNoCandidateLetsGoAndTakesItsEntryAway() async throws {
    try await SpeakerLab.run { lab in
      lab.put()
      try lab.start()
      await eventually("that it serves is said") {
        lab.router?.status.active[.ipv4]?.node == "node-a"
      }
      lab.put(candidates: [("node-b", 200)])
      await eventually("its entry is gone") {
        let isGone = lab.entry == nil
        if isGone { #expect(lab.held.isEmpty) }
        return isGone
      }
      await eventually("it says no more that it is Active") {
        lab.router?.status.active.isEmpty == true
      }
    }
  }

  @Test func aRouterThatIsDeletedIsServedNoMore() async throws {
    try await SpeakerLab.run { lab in
      lab.put()
      try lab.start()
      await eventually("the address is held") { !lab.held.isEmpty }
      lab.api.put(
        "/apis/vipctl.io/v1alpha1/virtualrouters/other",
        [
          "metadata": ["name": "other"],
          "spec": ["pool": "lan", "vrid": 32, "addresses": [], "candidates": []],
        ])
      lab.api.remove(SpeakerLab.routerPath)
      await eventually("it is gone") { lab.held.isEmpty }
    }
  }

  @Test func withoutAPIServerAllGoesOn() async throws {
    try await SpeakerLab.run { lab in
      lab.put()
      try lab.start()
      await eventually("the address is held") { !lab.held.isEmpty }
      await eventually("it is said") { lab.entry?.generation == 1 }
      lab.setAway(true)
      lab.put(["192.0.2.101"])
      await eventually("it has been asked in vain") { lab.interruptions.value >= 5 }
      #expect(lab.held == ["192.0.2.100"])
      lab.setAway(false)
      await eventually("it has caught up") { lab.held == ["192.0.2.101"] }
      await eventually("that is acknowledged") { lab.entry?.generation == 2 }
    }
  }

  @Test func aSpeakerThatStartsWithoutAPIServerGoesOnFromItsFile() async throws {
    try await SpeakerLab.run { lab in
      lab.put()
      try lab.start()
      await eventually("it is acknowledged") { lab.entry?.generation == 1 }
      await eventually("the address is held") { !lab.held.isEmpty }
      await lab.stop()
      #expect(lab.held.isEmpty)
      lab.setAway(true)
      try lab.start()
      await eventually("the address is held again") { lab.held == ["192.0.2.100"] }
      await eventually("it says so") { lab.gauges?.isFromFile == true }
      #expect(lab.gauges?.lastList == nil)
      // What has happened meanwhile counts as soon as the server says it.
      lab.put(["192.0.2.101"])
      lab.setAway(false)
      await eventually("it has caught up") { lab.held == ["192.0.2.101"] }
      await eventually("it says so") { lab.gauges?.isFromFile == false }
    }
  }

  @Test func aServerThatDoesNotAnswerIsNotWaitedForWithoutEnd() async throws {
    try await SpeakerLab.run { lab in
      lab.put()
      try lab.start()
      await eventually("it is acknowledged") { lab.entry?.generation == 1 }
      await lab.stop()
      lab.isSilent.withLock { $0 = true }
      try lab.start(patience: .milliseconds(50))
      await eventually("the address is held") { lab.held == ["192.0.2.100"] }
      #expect(lab.restorations.value == 1 && lab.gauges?.lastList == nil)
    }
  }

  @Test func anEmptyListThatIsNotBelievedWithdrawsNothing() async throws {
    try await SpeakerLab.run { lab in
      lab.put()
      try lab.start()
      await eventually("it is acknowledged") { lab.entry?.generation == 1 }
      await lab.stop()
      lab.api.remove(SpeakerLab.routerPath)
      let before = lab.lists.value
      // Never enough of them.
      try lab.start(emptyListCount: 1_000_000)
      await eventually("it goes on from its file") { lab.held == ["192.0.2.100"] }
      await eventually("several empty lists have come") { lab.lists.value >= before + 5 }
      #expect(lab.held == ["192.0.2.100"])
    }
  }

  @Test func aNodeInMaintenanceHandsEverythingOver() async throws {
    try await SpeakerLab.run { lab in
      lab.put()
      try lab.start()
      await eventually("the address is held") { !lab.held.isEmpty }
      lab.annotate(isInMaintenance: true)
      await eventually("nothing is held") { lab.held.isEmpty }
      await eventually("it is known why") { lab.gauges?.unfit["maintenance"] != nil }
      // The router and the entry stay: it may come back.
      #expect(lab.entry != nil)
      await eventually("it does not say that it is Active") {
        lab.router?.status.active.isEmpty == true
      }
      lab.annotate(isInMaintenance: false)
      await eventually("the address is back") { lab.held == ["192.0.2.100"] }
    }
  }

  @Test func withoutKubeProxyOthersComeFirst() async throws {
    try await SpeakerLab.run { lab in
      lab.put()
      try lab.start(proxy: true)
      await eventually("the address is held") { !lab.held.isEmpty }
      #expect(await lab.status()?.effectivePriority == 200)
      lab.proxyProblem.withLock { $0 = "kube-proxy does not answer" }
      await eventually("it is weaker than any other") {
        await lab.status()?.effectivePriority == 100
      }
      await eventually("with no other one it serves") { lab.held == ["192.0.2.100"] }
      lab.proxyProblem.withLock { $0 = nil }
      await eventually("it has its own priority") {
        await lab.status()?.effectivePriority == 200
      }
    }
  }

  @Test func aDeadKubeProxyGivesTheAddressesToAnother() async throws {
    try await SpeakerLab.run { lab in
      lab.put()
      try lab.start(proxy: true)
      await eventually("the address is held") { !lab.held.isEmpty }
      let other = Task {
        while !Task.isCancelled {
          if let source = IPAddress("192.0.2.2"), let address = IPAddress("192.0.2.100") {
            lab.machine.hear(150, 31, [address], from: source, interval: .milliseconds(100))
          }
          await shortPause()
        }
      }
      defer { other.cancel() }
      lab.proxyProblem.withLock { $0 = "kube-proxy does not answer" }
      await eventually("the other one has it") { lab.held.isEmpty }
    }
  }

  @Test func faultsOfTheServerLeaveNothingWrong() async throws {
    try await SpeakerLab.run { lab in
      lab.put(["192.0.2.100", "192.0.2.101"])
      lab.api.fail(seed: 3)
      try lab.start()
      for round in 2...6 as ClosedRange<Int64> {
        await eventually("generation \(round - 1) is acknowledged") {
          lab.entry?.generation == round - 1
        }
        if round % 2 == 0 {
          lab.put(["192.0.2.100"], leaving: [("192.0.2.101", round)])
        } else {
          lab.put(["192.0.2.100", "192.0.2.101"])
        }
        if round == 4 { lab.api.compact() }
      }
      lab.api.fail(seed: nil)
      await eventually("the last is acknowledged") {
        let isAcknowledged = lab.entry?.generation == 6
        if isAcknowledged { #expect(!lab.held.contains("192.0.2.101")) }
        return isAcknowledged
      }
    }
  }

  @Test func whatNoInterfaceHasIsAProblemOfTheRouter() async throws {
    try await SpeakerLab.run { lab in
      lab.put(["203.0.113.1"])
      try lab.start()
      await eventually("it is said") { lab.entry?.generation == 1 }
      #expect(lab.entry?.problem?.contains("no interface") == true)
      // The machine gets an address there.
      lab.machine.withKernel { kernel in
        guard let address = InterfaceAddress("203.0.113.9/24") else { return }
        kernel.add(AddressRecord(interfaceIndex: 2, address: address, flags: .permanent))
      }
      await eventually("the address is held") { lab.held == ["203.0.113.1"] }
      await eventually("there is no problem any more") {
        lab.entry != nil && lab.entry?.problem == nil
      }
    }
  }

  @Test func anotherGroupOnTheVRIDIsAConditionUntilItIsOver() async throws {
    try await SpeakerLab.run { lab in
      lab.put()
      try lab.start()
      await eventually("the address is held") { !lab.held.isEmpty }
      let stranger = Task {
        while !Task.isCancelled {
          if let source = IPAddress("192.0.2.77"), let address = IPAddress("198.51.100.9") {
            lab.machine.hear(10, 31, [address], from: source, interval: .milliseconds(100))
          }
          try? await Task.sleep(for: .milliseconds(50))
        }
      }
      defer { stranger.cancel() }
      await eventually("it is said") {
        lab.router?.status.conditions.contains {
          $0.type == ConditionType.foreignGroup && $0.isTrue
        } == true
      }
    }
  }

  @Test func aSpeakerSaysThatItIsThere() async throws {
    try await SpeakerLab.run { lab in
      try lab.start(leaseNamespace: "vipctl-system")
      await eventually("it has a Lease") { lab.leases.count == 1 }
      let lease = try #require(lab.leases.first)
      #expect(lease.metadata.name == ObjectName("vipctl-speaker-node-a", in: "vipctl-system"))
      #expect(lease.holder == "node-a" && lease.duration == SpeakerPresence.patience)
      let made = try #require(lab.requests.first { $0.path.hasSuffix("/leases") })
      #expect(made.body.contains(#""labels":{"vipctl.io/part":"speaker"}"#))
      // It goes with its node.
      #expect(made.body.contains(#""ownerReferences":[{"apiVersion":"v1","kind":"Node""#))
      // A later life renews it at once.
      await lab.stop()
      try lab.start(leaseNamespace: "vipctl-system")
      await eventually("it is renewed") { lab.leases.first?.renewed != lease.renewed }
      #expect(lab.leases.count == 1)
    }
  }

  @Test func aSpeakerWithoutANamespaceHasNoLease() async throws {
    try await SpeakerLab.run { lab in
      lab.put()
      try lab.start()
      await eventually("the address is held") { !lab.held.isEmpty }
      await eventually("it is said") { lab.entry?.generation == 1 }
      #expect(lab.leases.isEmpty)
    }
  }

  @Test func whatHappensIsToldAboutTheRouter() async throws {
    try await SpeakerLab.run { lab in
      lab.put(["203.0.113.1"])
      try lab.start()
      await eventually("that it can't serve is told") {
        lab.events("CannotServe").contains { $0["type"] == "Warning" }
      }
      lab.put()
      await eventually("that it can is told") { lab.events("CanServe").count == 1 }
      await eventually("that it serves is told") { lab.events("Active").count == 1 }
      let active = try #require(lab.events("Active").first)
      #expect(active["regarding"]?["kind"] == "VirtualRouter")
      #expect(active["regarding"]?["uid"]?.string == lab.router?.metadata.uid)
      #expect(active["note"]?.string?.hasPrefix("node node-a serves the IPv4 addresses (") == true)
      lab.annotate(isInMaintenance: true)
      await eventually("that it serves no more is told, and why") {
        lab.events("Inactive").contains {
          $0["note"]?.string?.contains("the node is in maintenance") == true
        }
      }
    }
  }
}
