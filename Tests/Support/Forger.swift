import Foundation
import Glibc
import Synchronization
package import VIPCore

/// A machine that floods its segment with advertisements of version 3 over IPv4 that it has no
/// right to send.
///
/// It works on a thread of its own that has moved to the machine's namespace, until it is told to
/// stop or goes.
package final class Forger: Sendable {
  private final class Shared: Sendable {
    let wish = Atomic<Bool>(false)
    let sent = Atomic<Int>(0)
    let hasStopped = Atomic<Bool>(false)
  }

  private let shared = Shared()

  /// Starts to send advertisements, one after the other with these priorities.
  package init(
    from node: LabNode, vrid: UInt8, priorities: [UInt8], for address: IPv4Address,
    every interval: Duration
  ) {
    let messages = priorities.map { Self.message(vrid: vrid, priority: $0, for: address) }
    let (namespace, source, shared) = (node.namespace.name, node.ipv4, shared)
    let thread = Thread {
      defer { shared.hasStopped.store(true, ordering: .releasing) }
      guard (try? enterNamespace(namespace)) != nil, let raw = Self.open(from: source) else {
        return
      }
      defer { close(raw) }
      var index = 0
      while !shared.wish.load(ordering: .relaxed) {
        Self.send(messages[index % messages.count], raw)
        index += 1
        shared.sent.store(index, ordering: .relaxed)
        pause(interval)
      }
    }
    thread.name = "forger"
    thread.start()
  }

  deinit {
    shared.wish.store(true, ordering: .relaxed)
  }

  /// Stops, and tells how many were sent.
  package func stop() throws -> Int {
    shared.wish.store(true, ordering: .relaxed)
    try eventually("the forger stops") { shared.hasStopped.load(ordering: .acquiring) }
    return shared.sent.load(ordering: .relaxed)
  }

  /// An advertisement for one address with an interval of 10 ms, summed without pseudo-header.
  private static func message(vrid: UInt8, priority: UInt8, for address: IPv4Address) -> [UInt8] {
    var message: [UInt8] = [0x31, vrid, priority, 1, 0, 1, 0, 0]
    for shift in [24, 16, 8, 0] as [UInt32] {
      message.append(UInt8(truncatingIfNeeded: address.rawValue >> shift))
    }
    var sum: UInt32 = 0
    for index in stride(from: 0, to: message.count, by: 2) {
      sum += UInt32(message[index]) << 8 | UInt32(message[index + 1])
    }
    let checksum = 0xFFFF - (sum % 0xFFFF)
    message[6] = UInt8(checksum >> 8)
    message[7] = UInt8(checksum & 0xFF)
    return message
  }

  private static func open(from source: IPv4Address) -> Int32? {
    let raw = socket(AF_INET, Int32(SOCK_RAW.rawValue) | O_CLOEXEC, 112)
    guard raw >= 0 else { return nil }
    var interface = in_addr(s_addr: source.rawValue.bigEndian)
    var ttl: Int32 = 255
    // IP_MULTICAST_IF and IP_MULTICAST_TTL.
    setsockopt(raw, 0, 32, &interface, socklen_t(MemoryLayout<in_addr>.size))
    setsockopt(raw, 0, 33, &ttl, socklen_t(MemoryLayout<Int32>.size))
    return raw
  }

  private static func send(_ message: [UInt8], _ raw: Int32) {
    var to = sockaddr_in()
    to.sin_family = sa_family_t(AF_INET)
    to.sin_addr.s_addr = IPv4Address(224, 0, 0, 18).rawValue.bigEndian
    _ = withUnsafePointer(to: &to) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(raw, message, message.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
