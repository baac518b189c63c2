// A failover in an event loop of your own: no thread, no actor, one descriptor to wait for.
//
//   sudo .build/debug/OwnLoop eth0
//
// Without an interface, or without the capabilities, it only says what it needs.

import Glibc
import VIP
import VIPCore

func hold(_ address: String, on interface: String) throws {
  guard let vip = InterfaceAddress(address) else { return }
  let core = try NodeCore(on: LinuxPlatform())
  try core.up(
    RouterConfiguration(name: "web", interface: interface, vrid: 51, addresses: [vip]))
  while !core.routerNames.isEmpty {
    // Beside the descriptors of your own: it is readable when a turn is due.
    var descriptors = [pollfd(fd: core.descriptor, events: Int16(POLLIN), revents: 0)]
    poll(&descriptors, nfds_t(descriptors.count), -1)
    core.turn()
    for event in core.takeEvents() {
      print(event)
      // Enough for an example: hands over, and the loop ends when the address is gone.
      if case .settled(_, _, let now) = event, now.state == .active { try core.down("web") }
    }
  }
}

// snippet.hide
let missing = ProcessCapabilities.missing()
if let interface = CommandLine.arguments.dropFirst().first, missing.isEmpty {
  try hold("192.0.2.10/24", on: interface)
} else {
  print("usage: OwnLoop INTERFACE; missing: \(missing.joined(separator: ", "))")
}
