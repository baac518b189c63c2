// A test of a failover without a network, root or waiting: the node's core on a machine in memory.
//
//   .build/debug/TestFailover
//
// In a test target each `expect` would be an `#expect` of Swift Testing.

import VIP
import VIPCore
import VIPTesting

func testFailover(of vip: InterfaceAddress, from peer: IPAddress) throws {
  let machine = MachineInMemory(time: .virtual)
  let core = try NodeCore(on: machine)
  try core.up(RouterConfiguration(name: "web", interface: "eth0", vrid: 51, addresses: [vip]))

  // Another machine is Active, with a higher priority.
  for _ in 0..<5 {
    machine.hear(200, 51, [vip.address], from: peer)
    machine.pass(.seconds(1), for: core)
  }
  expect(core.status("web").first?.state == .backup, "it watches")
  expect(machine.heldAddresses.isEmpty, "the other one has the address")

  // It falls silent.
  let events = machine.pass(.seconds(4), for: core)
  expect(machine.heldAddresses == [vip], "this one has it")
  for event in events { print(event) }
  for deed in machine.deeds { print("-", deed) }

  // An operator takes the address away; it comes back.
  machine.withKernel { $0.remove(vip, onInterface: 2) }
  machine.pass(.seconds(1), for: core)
  expect(machine.heldAddresses == [vip], "it was put back")
}

func expect(_ condition: Bool, _ what: String) {
  guard condition else { fatalError("not so: \(what)") }
}

// snippet.hide
guard let vip = InterfaceAddress("192.0.2.10/24"), let peer = IPAddress("192.0.2.2") else {
  fatalError("these are addresses")
}
try testFailover(of: vip, from: peer)
print("the failover works")
