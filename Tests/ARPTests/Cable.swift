import TestSupport

/// Two network namespaces joined by a pair of virtual Ethernet interfaces: `left` in one, `right`
/// in the other.
///
/// Unlike on a ``TestSupport/Segment`` there is no switch between them, whose own packets would be
/// heard too, and no IPv4 address.
struct Cable {
  let left: Namespace
  let right: Namespace

  init() throws {
    left = try Namespace("left")
    right = try Namespace("right")
    try left.ip(
      "link add left address 02:00:00:00:00:0a type veth peer name right netns \(right.name)")
    try right.ip("link set right address 02:00:00:00:00:0b")
    for (namespace, interface) in [(left, "left"), (right, "right")] {
      try namespace.check([
        "sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0",
        "net.ipv6.conf.\(interface).accept_dad=0",
      ])
      try namespace.ip("link set \(interface) up")
    }
  }
}
