import VIPCore

/// The time that an interface must be down, or up again, before keepalived heeds it.
struct KeepalivedLinkDelay {
  var node: KeepalivedNode
  var down: Duration
  var up: Duration

  /// Reads a line of `interface_up_down_delays`; `nil` if it is none.
  init?(_ node: KeepalivedNode) {
    let numbers = node.arguments.map { KeepalivedInstance.seconds($0) }
    guard (1...2).contains(numbers.count), let down = numbers[0], let up = numbers.last ?? nil,
      down <= 255, up <= 255
    else { return nil }
    self.node = node
    self.down = .microseconds(Int((down * 1_000_000).rounded()))
    self.up = .microseconds(Int((up * 1_000_000).rounded()))
  }
}
