import Glibc
import VIP
import VIPCore

/// A run of a check that takes a while: what to wait for, and what has come of it.
protocol CheckRun {
  /// The descriptors to wait for, and the events of poll(2) to wait for on each.
  var polled: [pollfd] { get }
  /// The time at which something has to be done if nothing happens.
  var deadline: Instant { get }
  /// Whether nothing tells that it has ended, so that it has to be looked at now and then.
  var isSilent: Bool { get }
  /// Whether a helper tells when something has come of it.
  var isHelped: Bool { get }
  /// Whether nothing of it is left, so that the next run may start.
  var isGone: Bool { get }

  /// Does what can be done now.
  ///
  /// - Returns: the result, once.
  mutating func advance(to now: Instant, _ buffer: inout [UInt8]) -> CheckResult?

  /// Hands over what it has found beside its result, once.
  mutating func takeFinding() -> Finding?

  /// Ends it without a result.
  mutating func abandon()
}

extension CheckRun {
  /// One tells by its descriptors.
  var isSilent: Bool { false }
  /// One has no helper.
  var isHelped: Bool { false }
  /// One finds nothing else.
  mutating func takeFinding() -> Finding? { nil }
}

/// The result of a run that is over as soon as it has begun, or the run.
enum CheckStart {
  case over(CheckResult)
  case running(any CheckRun)
}

/// The text of an error number.
func failure(_ what: String, _ code: Int32) -> CheckResult {
  .failure("\(what): \(errorText(code))")
}

/// Calls a function with an address as system calls take it.
func withSocketAddress<Result>(
  _ address: IPAddress, port: UInt16, scope: UInt32 = 0,
  _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
  switch address {
  case .v4(let v4):
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = port.bigEndian
    name.sin_addr = in_addr(s_addr: v4.rawValue.bigEndian)
    return withUnsafePointer(to: name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  case .v6(let v6):
    var name = sockaddr_in6()
    name.sin6_family = sa_family_t(AF_INET6)
    name.sin6_port = port.bigEndian
    name.sin6_scope_id = scope
    withUnsafeMutableBytes(of: &name.sin6_addr) { bytes in
      bytes.storeBytes(of: v6.high.bigEndian, toByteOffset: 0, as: UInt64.self)
      bytes.storeBytes(of: v6.low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    return withUnsafePointer(to: name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
      }
    }
  }
}
