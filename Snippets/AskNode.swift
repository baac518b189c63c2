// Asks a running node what it does, as `vipctl status` does: one line of JSON each way.
//
//   .build/debug/AskNode [RUNTIME-DIRECTORY]

import Foundation
import VIP
import VIPControl

let directory = CommandLine.arguments.dropFirst().first ?? "/run/vipctl"
do {
  let answer = try ControlClient.exchange(
    [UInt8](JSONEncoder().encode(ControlRequest.status(nil))),
    socketPath: RuntimeDirectory.socketPath(in: directory), timeout: .seconds(5))
  switch try JSONDecoder().decode(ControlReply.self, from: Data(answer)) {
  case .done(let status), .changed(_, let status), .waiting(let status, _):
    print("node \(status.node.version), pid \(status.node.pid)")
    for router in status.routers { print(router.name, router.family, router.state) }
  case .events, .configuration: break
  case .failed(let reason):
    print(reason)
  }
} catch let error as ControlClientError {
  print(error)  // for example: no node runs here
}
