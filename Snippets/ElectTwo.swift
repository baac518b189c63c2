// An election of two routers, driven by hand: no network, no clock, no thread.

import VIPCore
import VRRP

func elect() -> (first: VirtualRouter, second: VirtualRouter)? {
  guard let vrid = VRID(exactly: 51) else { return nil }
  let high = VirtualRouter.Configuration(
    vrid: vrid, family: .ipv4, priority: Priority(rawValue: 150))
  let low = VirtualRouter.Configuration(vrid: vrid, family: .ipv4)
  var first = VirtualRouter(high)
  var second = VirtualRouter(low)
  var now = Instant.zero
  _ = first.start(at: now, from: .v4(IPv4Address(192, 0, 2, 1)))
  _ = second.start(at: now, from: .v4(IPv4Address(192, 0, 2, 2)))

  // The timer is state: it says when to come back. The higher priority waits for less long.
  while first.state != .active, let deadline = first.deadline {
    now = deadline
    for action in first.advance(to: now) {
      switch action {
      case .advertise(let priority):  // what goes out here comes in over there
        let message = first.advertisement(priority, addressCount: 1)
        _ = second.receive(message, from: first.primaryAddress, at: now)
      case .transition(let change):
        print("first is \(change.to): \(change.reason)")
      case .installAddresses, .announceAddresses, .removeAddresses:
        break  // a node's work
      }
    }
  }
  return (first, second)
}

if let (first, second) = elect() {
  let leader = second.activeRouter.map { "\($0.address)" } ?? "none"
  print("first: \(first.state); second: \(second.state), following \(leader)")
}
