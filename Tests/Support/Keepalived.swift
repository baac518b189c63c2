import Glibc

/// A keepalived on a node, as the other implementation to elect with.
package final class Keepalived: Sendable {
  /// The state of its one virtual router, in the words of the protocol.
  package enum State: String, Sendable {
    /// The interface is not usable, or nothing was decided yet.
    case initialize
    /// Another router is Active.
    case backup
    /// This router holds the addresses.
    case active
  }

  /// What its one virtual router is told.
  package struct Settings: Sendable {
    /// The virtual router's number.
    package var vrid = 51
    /// The priority in the election.
    package var priority = 100
    /// The advertisement interval.
    package var interval = Duration.milliseconds(100)
    /// Whether it takes over from a lower priority.
    package var preempts = true
    /// The version of VRRP.
    package var version = 3
    /// The password of version 2.
    package var password: String?
    /// The source and the destinations of unicast advertisements; multicast if there are none.
    package var unicast: (source: String, peers: [String])?
    /// Whether the addresses are served under the virtual router's own MAC address.
    package var virtualMAC = false
    /// The virtual addresses, all of one family, as its configuration writes them.
    package var addresses: [String]

    /// Makes settings with the defaults of the protocol and the interval of most tests.
    package init(addresses: [String]) {
      self.addresses = addresses
    }
  }

  /// The node it runs on.
  package let node: LabNode
  /// The process that watches over the one that speaks VRRP.
  package let process: ChildProcess

  /// Starts keepalived on a node; nothing it writes goes to a place shared with another one.
  package init(on node: LabNode, of segment: Segment, _ settings: Settings) throws {
    self.node = node
    let files = segment.directory
    let prefix = "keepalived-\(node.name)"
    try files.write(Self.configuration(settings), to: "\(prefix).conf")
    process = try node.namespace.start(
      [
        "keepalived", "--dont-fork", "--log-console", "--no-syslog", "--log-detail", "--vrrp",
        "--use-file", files["\(prefix).conf"], "--pid", files["\(prefix).pid"],
        "--vrrp_pid", files["\(prefix).vrrp.pid"],
      ], logPath: files["\(prefix).log"])
  }

  /// The state that its log told last.
  package var state: State {
    for line in process.log.split(separator: "\n").reversed() {
      if line.contains("Entering MASTER STATE") { return .active }
      if line.contains("Entering BACKUP STATE") { return .backup }
      if line.contains("Entering FAULT STATE") { return .initialize }
    }
    return .initialize
  }

  /// Waits until the log tells a state.
  package func waitUntil(_ wanted: State, within limit: Duration = .seconds(20)) throws {
    try eventually(
      "keepalived on \(node.name) is \(wanted.rawValue)", within: limit,
      detail: { process.logTail },
      {
        try process.requireRunning()
        return state == wanted
      })
  }

  /// Ends it in good order: it resigns and takes its addresses away.
  package func stop() throws {
    process.signal(SIGTERM)
    guard process.waitForExit(within: .seconds(10)) != nil else {
      throw LabError("keepalived on \(node.name) does not stop:\n\(process.logTail)")
    }
  }

  /// Ends all its processes at once; the addresses stay where they are.
  package func kill() throws {
    process.signalGroup(SIGKILL)
    guard process.waitForExit(within: .seconds(5)) != nil else {
      throw LabError("keepalived on \(node.name) survives SIGKILL")
    }
  }

  private static func authentication(_ settings: Settings) -> String {
    guard let password = settings.password else { return "" }
    return "authentication {\n    auth_type PASS\n    auth_pass \(password)\n  }"
  }

  private static func unicast(_ settings: Settings) -> String {
    guard let (source, peers) = settings.unicast else { return "" }
    return """
      unicast_src_ip \(source)
        unicast_peer {
          \(peers.joined(separator: "\n    "))
        }
      """
  }

  private static func configuration(_ settings: Settings) -> String {
    """
    global_defs {
      router_id lab
      vrrp_version \(settings.version)
    }
    vrrp_instance lab {
      state BACKUP
      interface eth0
      virtual_router_id \(settings.vrid)
      priority \(settings.priority)
      advert_int \(settings.interval.milliseconds / 1000)
      \(settings.preempts ? "" : "nopreempt")
      \(settings.virtualMAC ? "use_vmac" : "")
      \(authentication(settings))
      \(unicast(settings))
      virtual_ipaddress {
        \(settings.addresses.joined(separator: "\n    "))
      }
    }

    """
  }
}
