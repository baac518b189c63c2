import ARP
import Netlink
import Testing
import VIP
import VIPCore
import VRRP
import VRRPSimulation

@testable import VIPTesting

/// A simulation that is tampered with behind its nodes' backs reports which promise is broken.
@Suite struct BrokenPromiseTests {
  /// Two routers, of which a is Active, and a node without one.
  private static let story = """
    node a
    node b
    node c
    up a web 192.0.2.10/24 priority 200
    up b web 192.0.2.10/24
    rest 300s

    """
  private static let address = InterfaceAddress(.v4(IPv4Address(192, 0, 2, 10)), prefixLength: 24)

  /// One that no router has.
  private static let unknown = InterfaceAddress(.v4(IPv4Address(192, 0, 2, 99)), prefixLength: 24)

  enum Tampering: CaseIterable {
    case unknownToClient, lostForAMoment, unknownAtRest, heldTwice, endless,
      withoutGuard, expired, left, flood, earlyWord, listening

    var promise: BrokenPromise.Promise {
      switch self {
      case .unknownToClient: .replacedInTime
      case .lostForAMoment: .plannedMove
      case .unknownAtRest: .settled
      case .heldTwice: .oneHolder
      case .endless: .leased
      case .withoutGuard: .guardKnows
      case .expired: .refreshed
      case .left: .nothingLeft
      case .flood: .boundedSending
      case .earlyWord: .listensFirst
      case .listening: .quietBackup
      }
    }
  }

  @Test(arguments: Tampering.allCases)
  func `what is done behind a node's back is found`(_ tampering: Tampering) throws {
    let story = try Story(parsing: Self.story)
    let player = StoryPlayer(story, isSilent: true)
    for statement in story.statements {
      let output = player.play(statement.command)
      #expect(!output.failed, "\(output.lines)")
    }
    let outputs = try tamper(tampering, player)
    let lines = outputs.flatMap(\.lines)
    #expect(outputs.flatMap(\.failures).contains(.broken(tampering.promise)), "\(lines)")
  }

  private func tamper(
    _ tampering: Tampering, _ player: StoryPlayer
  ) throws -> [StoryPlayer.Output] {
    let simulation = player.simulation
    let address = try #require(Self.address)
    let unknown = try #require(Self.unknown)
    let (active, other) = (simulation.machines[0], simulation.machines[2])
    let process = try #require(active.process)
    func put(_ address: InterfaceAddress, _ lifetime: Duration?) -> AddressRequest {
      AddressRequest(interfaceIndex: 2, address: address, lifetime: lifetime)
    }
    func forget() {
      simulation.segments[0].client.forget()
      simulation.cacheChanged()
    }
    /// Lets the simulation look at a machine, and time pass.
    func look(_ machine: Machine, _ duration: Duration = .milliseconds(1)) -> StoryPlayer.Output {
      machine.revision += 1
      simulation.touch(machine)
      return player.play(.tick(duration))
    }
    switch tampering {
    case .unknownToClient:
      forget()
      return [look(active, .seconds(8))]
    case .lostForAMoment:
      simulation.restartBounds(isPlanned: true)
      forget()
      let before = look(active, .milliseconds(100))
      simulation.refreshClients()
      return [before, look(active, .milliseconds(10))]
    case .unknownAtRest:
      forget()
      return [player.play(.segment(LinkConditions())), player.play(.rest(.seconds(300)))]
    case .heldTwice:
      _ = other.kernel.install([put(address, .seconds(1000))])
      return [look(other, .seconds(8))]
    case .endless:
      _ = process.platform.machineKernel.install([put(address, nil)])
      return [look(active)]
    case .withoutGuard:
      _ = process.platform.machineKernel.install([put(unknown, .seconds(3))])
      return [look(active)]
    case .expired:
      active.expired = [address]
      return [look(active)]
    case .left:
      _ = active.kernel.install([put(unknown, .seconds(1000))])
      return [player.play(.node("a", .stop)), player.play(.tick(.seconds(5)))]
    case .flood, .earlyWord, .listening: return try tamperWithSockets(tampering, player)
    }
  }

  private func tamperWithSockets(
    _ tampering: Tampering, _ player: StoryPlayer
  ) throws -> [StoryPlayer.Output] {
    let simulation = player.simulation
    let (active, backup) = (simulation.machines[0], simulation.machines[1])
    switch tampering {
    case .flood:
      // A turn and four answers are no flood.
      for _ in 0..<5 { try speak(active, simulation) }
      let few = player.play(.tick(.milliseconds(1)))
      #expect(!few.failed, "\(few.lines)")
      for _ in 0..<12 { try speak(active, simulation) }
      return [player.play(.tick(.milliseconds(1)))]
    case .earlyWord:
      active.lastWake = simulation.now
      active.lastAbsence = .seconds(60)
      try speak(active, simulation)
      return [player.play(.tick(.milliseconds(1)))]
    case .listening:
      let wire = try #require(backup.process?.platform.wires[2])
      try wire.setFilter(.announcements())
      return [player.play(.segment(LinkConditions())), player.play(.rest(.seconds(300)))]
    default: return []
    }
  }

  /// Sends an advertisement of the first router.
  private func speak(_ machine: Machine, _ simulation: NodeSimulation) throws {
    let source = IPAddress.v4(IPv4Address(192, 0, 2, 1))
    let vrid = try #require(VRID(exactly: 51))
    let advertisement = Advertisement(
      vrid: vrid, priority: Priority(rawValue: 200), interval: .default, addressCount: 1,
      family: .ipv4, checksumForm: .pseudoHeader)
    let group = IPAddress.vrrpGroup(.ipv4)
    let address = try #require(Self.address)
    simulation.sent(
      advertisement.encoded([address.address], from: source, to: group),
      PacketHeader(source: source, destination: group, hopLimit: 255), by: machine,
      onInterface: 2)
  }
}
