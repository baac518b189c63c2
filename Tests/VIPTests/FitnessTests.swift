import Testing
import VIPCore

@testable import VIP

/// The verdicts of a router's fitness.
@Suite struct FitnessTests {
  typealias Cause = Fitness.Cause
  typealias Fault = Fitness.Fault

  static let down = WaitingReason.interface(InterfaceFault(.down, of: "eth0"))
  static let noSource = WaitingReason.noSourceAddress(
    interface: "eth0", .ipv6, isGlobal: false)
  static let tracked = WaitingReason.tracked(InterfaceFault(.noCarrier, of: "eth1"))
  static let health = WaitingReason.external(cause: "health", text: "no answer")
  static let gate = WaitingReason.external(cause: "gate", text: "closed")
  static let busy = WaitingReason.system(NodeError(.refused, "busy"))

  struct Row: CustomTestStringConvertible {
    let testDescription: String
    let faults: [(Cause, Fault)]
    var decrement = 0
    let ipv4: Fitness.Verdict
    var ipv6: Fitness.Verdict?
  }

  static let table: [Row] = [
    Row(testDescription: "nothing", faults: [], ipv4: .fit),
    Row(
      testDescription: "its own interface: no hand-over",
      faults: [(.interface, .unfit(down))], ipv4: .unfit(down, handsOver: false)),
    Row(
      testDescription: "a source address concerns one family",
      faults: [(.source(.ipv6), .unfit(noSource))],
      ipv4: .fit, ipv6: .unfit(noSource, handsOver: true)),
    Row(
      testDescription: "a tracked interface: hands over",
      faults: [(.track("eth1"), .unfit(tracked))], ipv4: .unfit(tracked, handsOver: true)),
    Row(
      testDescription: "a cause of the program: hands over",
      faults: [(.external("health"), .unfit(health))], ipv4: .unfit(health, handsOver: true)),
    Row(
      testDescription: "decrements add up, whatever they come from",
      faults: [
        (.track("eth1"), .weaker(by: 60, tracked)), (.external("health"), .weaker(by: 200, health)),
      ], decrement: 260, ipv4: .fit),
    Row(
      testDescription: "unfit wins over weaker",
      faults: [
        (.track("eth1"), .weaker(by: 60, tracked)), (.external("health"), .unfit(health)),
      ], decrement: 60, ipv4: .unfit(health, handsOver: true)),
    Row(
      testDescription: "the own interface is told first, and nothing can be handed over",
      faults: [(.external("health"), .unfit(health)), (.interface, .unfit(down))],
      ipv4: .unfit(down, handsOver: false)),
    Row(
      testDescription: "what is tracked is told before what the program says",
      faults: [(.external("health"), .unfit(health)), (.track("eth1"), .unfit(tracked))],
      ipv4: .unfit(tracked, handsOver: true)),
    Row(
      testDescription: "of two of one rank the first is told",
      faults: [(.external("health"), .unfit(health)), (.external("gate"), .unfit(gate))],
      ipv4: .unfit(health, handsOver: true)),
    Row(
      testDescription: "what could not be opened comes last",
      faults: [(.attachment(.ipv4), .unfit(busy)), (.external("gate"), .unfit(gate))],
      ipv4: .unfit(gate, handsOver: false), ipv6: .unfit(gate, handsOver: true)),
  ]

  @Test(arguments: table) func `the verdict`(row: Row) {
    var fitness = Fitness()
    for (cause, fault) in row.faults {
      let isChanged = fitness.set(fault, for: cause)
      #expect(isChanged)
    }
    #expect(fitness.verdict(for: .ipv4) == row.ipv4)
    #expect(fitness.verdict(for: .ipv6) == row.ipv6 ?? row.ipv4)
    #expect(fitness.weight(for: .ipv4) == -row.decrement)
    // Each cause takes back its own fault and no other.
    for (cause, _) in row.faults {
      let isChanged = fitness.set(nil, for: cause)
      #expect(isChanged)
    }
    #expect(fitness.verdict(for: .ipv4) == .fit)
    #expect(fitness.verdict(for: .ipv6) == .fit)
  }

  @Test func `a cause has one say, and the same said twice is no change`() {
    var fitness = Fitness()
    let cause = Cause.external("health")
    let isNews = [
      fitness.set(nil, for: cause),
      fitness.set(.weaker(by: 10, Self.health), for: cause),
      fitness.set(.weaker(by: 10, Self.health), for: cause),
      fitness.set(.weaker(by: 20, Self.health), for: cause),
    ]
    #expect(isNews == [false, true, false, true])
    #expect(fitness.verdict(for: .ipv4) == .fit && fitness.weight(for: .ipv4) == -20)
    let isUnfitNews = fitness.set(.unfit(Self.health), for: cause)
    #expect(isUnfitNews)
    #expect(fitness.verdict(for: .ipv4) == .unfit(Self.health, handsOver: true))
    #expect(fitness.priorityEffects.isEmpty)
  }

  @Test func `tracked interfaces are set all at once, in their order`() {
    var fitness = Fitness()
    fitness.set(.unfit(Self.health), for: .external("health"))
    let first = WaitingReason.tracked(InterfaceFault(.down, of: "eth1"))
    let second = WaitingReason.tracked(InterfaceFault(.missing, of: "eth2"))
    fitness.setTracks([("eth2", .weaker(by: 5, second))])
    fitness.setTracks([("eth1", .weaker(by: 7, first)), ("eth2", .weaker(by: 5, second))])
    fitness.set(nil, for: .external("health"))
    #expect(
      fitness.priorityEffects.map(\.description) == [
        "eth1 is down, which lowers the priority by 7",
        "interface eth2 does not exist, which lowers the priority by 5",
      ])
    fitness.setTracks([])
    #expect(fitness.verdict(for: .ipv4) == .fit)
  }

  @Test func `what the program has said can be read back`() {
    var fitness = Fitness()
    let said: [String: RouterFitness] = [
      "health": .unfit(because: "no answer"), "load": .weaker(by: 30, because: "busy"),
    ]
    for (cause, value) in said { fitness.set(value.fault(of: cause), for: .external(cause)) }
    fitness.set(.unfit(Self.down), for: .interface)
    #expect(fitness.external == said)
    #expect(RouterFitness.fit.fault(of: "health") == nil)
  }

  static let texts: [(WaitingReason, String)] = [
    (down, "eth0 is down"), (noSource, "eth0 has no usable link-local IPv6 address to send from"),
    (tracked, "eth1 has no carrier, which the router tracks"), (health, "health: no answer"),
    (busy, "busy"), (.notStarted, "not started"),
    (
      .noSourceAddress(interface: "eth0", .ipv4, isGlobal: false),
      "eth0 has no IPv4 address to send from"
    ),
    (
      .noSourceAddress(interface: "eth0", .ipv6, isGlobal: true),
      "eth0 has no usable global IPv6 address to send from"
    ),
    (
      .ipv6Off(interface: "eth0.7"),
      "IPv6 is switched off on eth0.7 (net.ipv6.conf.eth0/7.disable_ipv6)"
    ),
    (
      .mtuTooSmall(interface: "eth0", .ipv6, mtu: 576),
      "eth0's MTU of 576 is too small for IPv6, which needs 1280"
    ),
    (.interface(InterfaceFault(.replaced, of: "eth0")), "eth0 was replaced"),
    (.interface(InterfaceFault(.renamed(to: "lan0"), of: "eth0")), "eth0 is named lan0 now"),
  ]

  @Test(arguments: texts) func `reasons as text`(reason: WaitingReason, text: String) {
    #expect(reason.description == text)
  }
}
