import VRRPSimulation
import ARP
import Netlink
import VIP
import VIPCore

/// A simulated machine as the engine of one process sees it.
final class MachinePlatform: Platform, Readiness {
  private let machine: Machine
  private unowned let simulation: NodeSimulation
  let machineKernel: MachineKernel
  var kernel: any Kernel { machineKernel }
  /// The sources that the loop waits for.
  private var watched: [Int32: ReadinessSource] = [:]
  private(set) var transports: [SegmentKey: MachineTransport] = [:]
  private(set) var wires: [Int32: MachineWire] = [:]
  /// The guard's connection, if there is one.
  var guardProcess: MachineGuard?
  private var lastDescriptor: Int32 = 1_000_000

  /// Whether the process has ended; nothing it does has an effect any more.
  var isDead: Bool {
    get { machineKernel.isDead }
    set { machineKernel.isDead = newValue }
  }

  init(_ machine: Machine, in simulation: NodeSimulation) {
    self.machine = machine
    self.simulation = simulation
    machineKernel = MachineKernel(machine, in: simulation)
  }

  func now() -> Instant { machine.clock.localTime(at: simulation.now) }

  func wallClock() -> Timestamp {
    Timestamp(nanosecondsSince1970: simulation.now.nanoseconds + 1_700_000_000_000_000_000)
  }

  func openAdvertisements(
    _ link: Link, _ family: AddressFamily
  ) throws(NodeError) -> any AdvertisementTransport {
    try refuseToOpen(link)
    let transport = MachineTransport(
      machine, in: simulation, of: self, interfaceIndex: link.index, descriptor: nextDescriptor())
    transports[SegmentKey(interfaceIndex: link.index, family: family)] = transport
    return transport
  }

  func openWire(_ link: Link) throws(NodeError) -> any FrameTransport & FrameReceiver {
    try refuseToOpen(link)
    let wire = MachineWire(
      machine, in: simulation, of: self, link, descriptor: nextDescriptor())
    wires[link.index] = wire
    return wire
  }

  private func refuseToOpen(_ link: Link) throws(NodeError) {
    if machine.refuses(.open, at: simulation.now) {
      throw NodeError(.system(errno: 24), "\(link.name): open: too many open files")
    }
    guard machine.link(link.index) == nil else { return }
    throw NodeError(.system(errno: 19), "\(link.name): open: no such device")
  }

  func close(_ wire: consuming any FrameTransport & FrameReceiver) {
    if let wire = wire as? MachineWire, wires[wire.interfaceIndex] === wire {
      wires[wire.interfaceIndex] = nil
    }
  }

  func nextDescriptor() -> Int32 {
    lastDescriptor += 1
    return lastDescriptor
  }

  // MARK: Settings

  func isForwarding(_ link: Link, _ family: AddressFamily) -> Bool { false }

  func setting(_ path: String) -> Int? {
    let parts = path.split(separator: "/")
    if path == "ipv4/conf/all/rp_filter" { return machine.settings[path] ?? 0 }
    guard parts.count == 4, machine.link(named: String(parts[2])) != nil else { return nil }
    if parts[3] == "promote_secondaries" { return machine.kernel.promotesSecondaries ? 1 : 0 }
    return machine.settings[path] ?? (parts[0] == "ipv6" ? 0 : nil)
  }

  func obstacle(toSetting path: String) -> Int32 { 0 }

  func changeSetting(_ path: String, to value: Int) -> Int32 {
    let parts = path.split(separator: "/")
    guard !isDead, parts.count == 4, let link = machine.link(named: String(parts[2])) else {
      return 2
    }
    if parts[3] == "promote_secondaries" {
      machine.kernel.promotesSecondaries = value == 1
      machine.log.append(.set(path, value))
      return 0
    }
    if machine.refuses(.link, at: simulation.now) { return 12 }
    machine.settings[path] = value
    machine.log.append(.set(path, value))
    switch String(parts[3]) {
    case "keep_addr_on_down":
      if value == 1 {
        machine.kernel.keepingIPv6.insert(link.index)
      } else {
        machine.kernel.keepingIPv6.remove(link.index)
      }
    case "disable_ipv6": machine.kernel.setIPv6(enabled: value == 0, onInterface: link.index)
    default: break
    }
    return 0
  }

  // MARK: Names

  func claimName(_ name: String) throws(NodeError) -> Bool {
    machine.names.insert(name)
    return true
  }

  func nameHolder(_ name: String) -> NameHolder? { nil }

  func releaseName(_ name: String) { machine.names.remove(name) }

  // MARK: Waiting

  func watch(_ descriptor: Int32, _ source: ReadinessSource) {
    guard descriptor >= 0 else { return }
    watched[descriptor] = source
  }

  func unwatch(_ descriptor: Int32) {
    guard let source = watched.removeValue(forKey: descriptor) else { return }
    // Closed with the socket, which nothing else refers to.
    if case .segment(let key) = source, transports[key]?.descriptor == descriptor {
      transports[key] = nil
    }
  }

  /// The sources that are readable now.
  var ready: [ReadinessSource] {
    var list: [ReadinessSource] = []
    for source in watched.values {
      let isReady =
        switch source {
        case .kernelEvents: machine.kernel.hasEvents
        case .segment(let key): !(transports[key]?.inbox.isEmpty ?? true)
        case .wire(let index): wires[index]?.isReadable ?? false
        case .safeguard: !(guardProcess?.pendingNews.isEmpty ?? true)
        }
      if isReady { list.append(source) }
    }
    return list.count < 2 ? list : list.sorted { $0.order < $1.order }
  }
}

extension ReadinessSource {
  /// A fixed order, so that equal seeds give equal runs.
  fileprivate var order: Int {
    switch self {
    case .safeguard: 0
    case .kernelEvents: 1
    case .segment(let key): 10 + Int(key.interfaceIndex) * 4 + (key.family == .ipv4 ? 0 : 1)
    case .wire(let index): 12 + Int(index) * 4
    }
  }
}
