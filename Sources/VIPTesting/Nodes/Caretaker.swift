import ARP
import VIP
import VIPCore
import VRRPSimulation

/// The guard of a dead node, until nothing is left for it to do.
final class Caretaker {
  /// The time when it has noticed the death, in true time.
  let start: Instant
  /// Its decisions, which are those of the real one.
  let care: GuardCare
  /// Whether it keeps addresses for a successor.
  let isKeeping: Bool
  var hasBegun = false

  init(_ care: GuardCare, start: Instant) {
    self.care = care
    self.start = start
    isKeeping = care.keptCount > 0
  }
}

/// Guards after the death of their nodes.
extension NodeSimulation {
  /// A node has died: its guard does the rest, if it lives.
  func appointCaretaker(for process: NodeProcess) {
    guard let guardProcess = process.platform.guardProcess, guardProcess.isWatching,
      let area = process.area
    else { return }
    let machine = process.machine
    let start = now + MachineGuard.noticeTime
    // Nothing writes into the area any more; in the simulation the engine still may, but not into
    // a copy.
    let care = GuardCare(of: area, at: machine.clock.localTime(at: start))
    machine.caretakers.append(Caretaker(care, start: start))
  }

  /// Whether the guard of a process that dies now keeps all that it serves for a successor.
  func keepsPromises(ofGuardOf process: NodeProcess) -> Bool {
    guard let guardProcess = process.platform.guardProcess, guardProcess.isWatching,
      guardProcess.readyAt == nil, process.machine.standstill == nil, !process.machine.isCut,
      machines.allSatisfy(\.isPresent),
      Machine.Refusal.allCases.allSatisfy({ what in
        machines.allSatisfy { !$0.refuses(what, at: now) }
      })
    else { return false }
    return process.settings.allSatisfy { $0.handover == .seamless }
  }

  /// The time when a guard does something next, in true time.
  func nextTime(of caretaker: Caretaker, on machine: Machine) -> Instant? {
    guard caretaker.hasBegun else { return caretaker.start }
    return caretaker.care.deadline.map { max(machine.clock.trueTime(of: $0), caretaker.start) }
  }

  /// Lets the guards of dead nodes do what is due.
  func takeCare(of machine: Machine) {
    guard !machine.caretakers.isEmpty, machine.standstill?.kind != .asleep else { return }
    let local = machine.clock.localTime(at: now)
    for caretaker in machine.caretakers where caretaker.start <= now {
      if !caretaker.hasBegun {
        caretaker.hasBegun = true
        machine.log.append(
          .remark(caretaker.isKeeping ? "its guard keeps the addresses" : "its guard cleans up"))
      }
      while let deed = caretaker.care.next(at: local) {
        perform([deed], by: machine)
        if caretaker.isKeeping { tell(deed, by: machine) }
      }
    }
    machine.caretakers.removeAll { $0.hasBegun && $0.care.deadline == nil }
  }

  /// The guards of dead nodes hear what comes in.
  func hear(_ content: Parcel.Content, by index: Int32, guarding machine: Machine) {
    guard !machine.caretakers.isEmpty else { return }
    let frame: (type: EtherType, payload: [UInt8])
    switch content {
    case .message(let header, let message):
      let packet = AdvertisementPacket.encoded(
        message, from: header.source, to: header.destination)
      frame = (header.source.family == .ipv4 ? .ipv4 : .ipv6, packet)
    case .frame(let bytes):
      guard let ethernet = try? EthernetFrame(parsing: bytes.span) else { return }
      frame = (ethernet.etherType, Array(bytes.dropFirst(ethernet.byteCount)))
    }
    for caretaker in machine.caretakers where caretaker.hasBegun {
      guard
        let deed = caretaker.care.hear(
          frame.payload, protocolNumber: frame.type.rawValue, interfaceIndex: index,
          at: machine.clock.localTime(at: now))
      else { continue }
      perform([deed], by: machine)
      tell(deed, by: machine)
    }
    touch(machine)
  }

  private func tell(_ deed: GuardArea.Deed, by machine: Machine) {
    guard case .requests(let bytes) = deed else { return }
    let addresses = FakeKernel.removals(in: bytes).map(\.address.description)
    guard !addresses.isEmpty else { return }
    machine.log.append(.remark("its guard removes \(addresses.joined(separator: " "))"))
  }
}
