// A health check of your own program: it takes a router out of the election and puts it back.
//
//   sudo .build/debug/HealthCheck eth0 /run/service-is-well
//
// Runs until its input ends. Without an interface and a file, or without the capabilities, it only
// says what it needs.

import Glibc
import VIP
import VIPCore

func serve(on interface: String, whileThereIs file: String) async throws {
  guard let vip = InterfaceAddress("192.0.2.10/24") else { return }
  let node = try Node()
  let events = node.events()
  let log = Task {
    for await event in events {
      print(event)
      fflush(nil)
    }
  }
  try await node.up(
    RouterConfiguration(name: "web", interface: interface, vrid: 51, addresses: [vip]))
  repeat {
    // While the check fails another machine serves the address; when it succeeds again this one
    // takes part again. Saying the same twice changes nothing.
    let isWell = access(file, F_OK) == 0
    try await node.setFitness(
      isWell ? .fit : .unfit(because: "\(file) is not there"), of: "web", for: "health")
  } while (try? await Task.sleep(for: .milliseconds(200))) != nil
  await node.shutdown()
  await log.value
}

// snippet.hide
let missing = ProcessCapabilities.missing()
let arguments = CommandLine.arguments
if arguments.count == 3, missing.isEmpty {
  let service = Task.detached { try await serve(on: arguments[1], whileThereIs: arguments[2]) }
  // Not readLine(), which keeps standard input locked while it waits, and fflush(nil) with it.
  var byte: UInt8 = 0
  while read(STDIN_FILENO, &byte, 1) > 0 {}
  service.cancel()
  try await service.value
} else {
  print("usage: HealthCheck INTERFACE FILE; missing: \(missing.joined(separator: ", "))")
}
