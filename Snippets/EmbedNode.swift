// A failover inside your own program: the node, its events, its end.
//
//   sudo .build/debug/EmbedNode eth0
//
// Without an interface, or without the capabilities, it only says what it needs.

import VIP
import VIPCore

func hold(_ address: String, on interface: String) async throws {
  guard let vip = InterfaceAddress(address) else { return }
  let node = try Node()
  let events = node.events()
  try await node.up(
    RouterConfiguration(name: "web", interface: interface, vrid: 51, addresses: [vip]))
  for await event in events {
    print(event)
    if case .settled(_, _, let now) = event, now.state == .active { break }
  }
  for router in try await node.status().routers {
    print(router.name, router.state, router.addresses.filter(\.installed).map(\.address))
  }
  await node.shutdown()  // says farewell, removes the address, returns when it is gone
}

// snippet.hide
let missing = ProcessCapabilities.missing()
if let interface = CommandLine.arguments.dropFirst().first, missing.isEmpty {
  try await hold("192.0.2.10/24", on: interface)
} else {
  print("usage: EmbedNode INTERFACE; missing: \(missing.joined(separator: ", "))")
}
