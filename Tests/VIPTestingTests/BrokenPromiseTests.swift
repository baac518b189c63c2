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
    case unknownToClient, deceived, lostForAMoment, lostInRollout, unknownAtRest, heldTwice,
      endless, withoutGuard, expired, left, flood, earlyWord, listening, lowerActive,
      unawareOfCarrier, unawareOfLoss, busySocket, manyTurns

    var promise: BrokenPromise.Promise {
      switch self {
      case .unknownToClient, .deceived: .replacedInTime
      case .lostForAMoment, .lostInRollout: .plannedMove
      case .unknownAtRest: .settled
      case .heldTwice: .oneHolder
      case .endless: .leased
      case .withoutGuard: .guardKnows
      case .expired: .refreshed
      case .left: .nothingLeft
      case .flood: .boundedSending
      case .earlyWord: .listensFirst
      case .listening: .quietBackup
      case .lowerActive: .rightActive
      case .unawareOfCarrier: .takesPart
      case .unawareOfLoss: .honestStatus
      case .busySocket, .manyTurns: .noBusyLoop
      }
    }
  }

  @Test func `each promise is broken by one of them`() {
    // What floods is in RandomStoryTests, a group that is parted below.
    let others: Set<BrokenPromise.Promise> = [.noFlood, .together]
    let broken = Set(Tampering.allCases.map(\.promise))
    #expect(broken.union(others) == Set(BrokenPromise.Promise.allCases))
  }

  @Test func `a group that is parted is found`() throws {
    let story = try Story(
      parsing: """
        node a
        node b
        up a web 192.0.2.10/24 priority 200
        up a db 192.0.2.20/24 vrid 52 priority 200
        up b web 192.0.2.10/24
        up b db 192.0.2.20/24 vrid 52
        group a pair web db
        group b pair web db
        rest 300s
        """)
    let player = StoryPlayer(story, isSilent: true)
    for statement in story.statements {
      let output = player.play(statement.command)
      #expect(!output.failed, "\(output.lines)")
    }
    let (a, b) = (player.simulation.machines[0], player.simulation.machines[1])
    a.process?.note(.backup, of: "db", .ipv4)
    b.process?.note(.active, of: "db", .ipv4)
    let outputs = [look(a, for: .seconds(3), in: player)]
    #expect(outputs.flatMap(\.failures).contains(.broken(.together)))
  }

  @Test(arguments: Tampering.allCases)
  func `what is done behind a node's back is found`(_ tampering: Tampering) throws {
    let player = try playerAtRest()
    let outputs = try tamper(tampering, player)
    let lines = outputs.flatMap(\.lines)
    #expect(outputs.flatMap(\.failures).contains(.broken(tampering.promise)), "\(lines)")
  }

  private func playerAtRest() throws -> StoryPlayer {
    let story = try Story(parsing: Self.story)
    let player = StoryPlayer(story, isSilent: true)
    for statement in story.statements {
      let output = player.play(statement.command)
      #expect(!output.failed, "\(output.lines)")
    }
    return player
  }

  /// Nothing but an announcement that another one overtook on its way excuses that a client was not
  /// served in a planned move, and it does so until the next announcement.
  @Test(arguments: [(500, false), (1200, true)])
  func `a client that was misled is served after the next announcement`(
    milliseconds: Int, isBroken: Bool
  ) throws {
    let player = try playerAtRest()
    let simulation = player.simulation
    let address = try #require(Self.address).address
    let other = try #require(simulation.machines[1].link(named: "eth0")?.macAddress)
    simulation.restartBounds(after: .move)
    let late = Announcement(address, at: other).encodeFrame()
    #expect(simulation.segments[0].client.hear(late, sent: .zero) == address)
    simulation.cacheChanged()
    var outputs = [
      look(simulation.machines[0], for: .milliseconds(milliseconds), in: player)
    ]
    simulation.refreshClients()
    outputs.append(look(simulation.machines[0], for: .milliseconds(10), in: player))
    let failures = outputs.flatMap(\.failures)
    #expect(failures.contains(.broken(.plannedMove)) == isBroken, "\(failures)")
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
    func look(_ machine: Machine, _ duration: Duration = .milliseconds(1)) -> StoryPlayer.Output {
      self.look(machine, for: duration, in: player)
    }
    switch tampering {
    case .unknownToClient:
      forget()
      return [look(active, .seconds(8))]
    case .lostForAMoment:
      simulation.restartBounds(after: .move)
      forget()
      let before = look(active, .milliseconds(100))
      simulation.refreshClients()
      return [before, look(active, .milliseconds(10))]
    case .lostInRollout:
      let change = StoryCommand.RouterDeed.set([StorySetting(.vrid, "60")])
      var outputs = [player.play(.router("b", "web", change)), look(active, .milliseconds(500))]
      for output in outputs { #expect(!output.failed, "\(output.lines)") }
      forget()
      outputs.append(look(active, .milliseconds(100)))
      outputs.append(player.play(.router("a", "web", change)))
      outputs.append(look(active, .milliseconds(100)))
      simulation.refreshClients()
      return outputs + [look(active, .milliseconds(10))]
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
    case .flood, .earlyWord, .listening, .busySocket, .deceived:
      return try tamperWithSockets(tampering, player)
    case .lowerActive, .unawareOfCarrier, .unawareOfLoss, .manyTurns:
      return try tamperWithKnowledge(tampering, player)
    }
  }

  /// Lets the simulation look at a machine, and time pass.
  private func look(
    _ machine: Machine, for duration: Duration = .milliseconds(1), in player: StoryPlayer
  ) -> StoryPlayer.Output {
    machine.revision += 1
    player.simulation.touch(machine)
    return player.play(.tick(duration))
  }

  /// Lets the simulation look at everything at once, before a node can learn of what was done.
  private func lookAtRest(_ player: StoryPlayer) -> StoryPlayer.Output {
    player.simulation.supervisor.isAudited = false
    player.simulation.auditIfDue()
    return player.play(.tick(.zero))
  }

  /// A node does not know what it should, or does not do what it should know.
  private func tamperWithKnowledge(
    _ tampering: Tampering, _ player: StoryPlayer
  ) throws -> [StoryPlayer.Output] {
    let (active, backup) = (player.simulation.machines[0], player.simulation.machines[1])
    switch tampering {
    case .lowerActive:
      let higher = [StorySetting(.priority, "250"), StorySetting(.preempt, "off")]
      let outputs = [
        player.play(.router("b", "web", .set(higher))), player.play(.rest(.seconds(300))),
      ]
      for output in outputs { #expect(!output.failed, "\(output.lines)") }
      // It should, and does not.
      let process = try #require(backup.process)
      for index in process.settings.indices { process.settings[index].preempts = true }
      return [lookAtRest(player)]
    case .unawareOfCarrier:
      let outputs = [
        player.play(.node("b", .link("eth0", .down))), player.play(.rest(.seconds(300))),
      ]
      for output in outputs { #expect(!output.failed, "\(output.lines)") }
      // Its kernel does not say so.
      let place = try #require(backup.kernel.currentLinks.firstIndex { $0.name == "eth0" })
      backup.kernel.currentLinks[place].flags.formUnion([.up, .running, .lowerUp])
      return [lookAtRest(player)]
    case .unawareOfLoss:
      // Its kernel does not say so.
      active.kernel.entries.removeAll { $0.record.address == Self.address }
      active.revision += 1
      return [lookAtRest(player)]
    case .manyTurns:
      active.turnsCountedFrom = player.simulation.now
      active.turnsCounted = try #require(active.process).turnCount - 2 * NodeProcess.turnsMax
      let few = look(active, for: .zero, in: player)
      #expect(!few.failed, "\(few.lines)")
      active.turnsCounted -= 1
      return [look(active, for: .zero, in: player)]
    default: return []
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
    case .busySocket:
      // It reads from another socket than the one that is readable.
      let platform = try #require(active.process).platform
      let link = try #require(active.link(named: "eth0"))
      let socket = try #require(
        try platform.openAdvertisements(link, .ipv4) as? MachineTransport)
      let (header, message) = try advertisement()
      socket.receive(header, message)
      return [look(active, in: player)]
    case .deceived:
      // It goes on hearing an Active that is cut off.
      let group = SegmentKey(interfaceIndex: 2, family: .ipv4)
      let socket = try #require(backup.process?.platform.transports[group])
      let (header, message) = try advertisement()
      var outputs = [player.play(.setCut(["a"], true))]
      for _ in 0..<8 {
        socket.receive(header, message)
        simulation.touch(backup)
        outputs.append(player.play(.tick(.seconds(1))))
      }
      return outputs
    default: return []
    }
  }

  /// Sends an advertisement of the first router.
  private func speak(_ machine: Machine, _ simulation: NodeSimulation) throws {
    let (header, message) = try advertisement()
    simulation.sent(message, header, by: machine, onInterface: 2)
  }

  /// An advertisement of the first router.
  private func advertisement() throws -> (PacketHeader, [UInt8]) {
    let source = IPAddress.v4(IPv4Address(192, 0, 2, 1))
    let vrid = try #require(VRID(exactly: 51))
    let advertisement = Advertisement(
      vrid: vrid, priority: Priority(rawValue: 200), interval: .default, addressCount: 1,
      family: .ipv4, checksumForm: .pseudoHeader)
    let group = IPAddress.vrrpGroup(.ipv4)
    let address = try #require(Self.address)
    return (
      PacketHeader(source: source, destination: group, hopLimit: 255),
      advertisement.encoded([address.address], from: source, to: group)
    )
  }
}
