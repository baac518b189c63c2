public import VIPCore
public import VRRP
public import VRRPSimulation

/// The meaning of a line of a ``Story``.
public enum StoryCommand: Sendable, Hashable {
  /// Chooses what chance does.
  case seed(UInt64)
  /// Changes how the segments treat packets.
  case segment(LinkConditions)
  /// Adds a machine with a node.
  case newNode(String, lease: String?, isGuarded: Bool)
  /// Something about one node.
  case node(String, Deed)
  /// Something about one router of a node.
  case router(String, String, RouterDeed)
  /// Lets time pass.
  case tick(Duration)
  /// Lets time pass until everything has come to rest and was looked at, but no longer than a time.
  case rest(Duration)
  /// Cuts or plugs in the cables of machines.
  case setCut([String], Bool)
  /// Blocks or opens one direction between two machines.
  case setBlocked(from: String, to: String, Bool)
  /// Lets machines hear only those of their own side.
  case partition([[String]])
  /// Opens and plugs everything.
  case heal
  /// A stranger does something.
  case stranger(StrangerDeed)
  /// Shows repeated messages or not.
  case trace(Bool)
  /// Prints the status of every node.
  case show
  /// Fails unless something is so.
  case expect(Expectation)

  /// A deed to a node or its machine.
  public enum Deed: Sendable, Hashable {
    /// Starts a node again, with the routers it had.
    case start
    /// Ends it in good order.
    case stop
    /// Kills its process.
    case kill(withGuard: Bool)
    /// Kills its process after so many more requests to the kernel.
    case killAfter(Int)
    /// Kills its guard.
    case killGuard
    /// Stops its process for a while.
    case freeze(Duration)
    /// Puts its machine to sleep for a while.
    case sleep(Duration)
    /// Lets its clock drift, in parts per million.
    case clock(Int64)
    /// Changes the lease of its addresses.
    case lease(String)
    /// Something happens to an interface.
    case link(String, LinkDeed)
    /// Another program gives an interface another name.
    case rename(String, String)
    /// Another program adds an address to `eth0`.
    case hostAdds(InterfaceAddress)
    /// Another program takes the node's tag and lease off an address on `eth0`.
    case hostReplaces(InterfaceAddress)
    /// Another program removes an address from `eth0`, also one of the node.
    case hostRemoves(InterfaceAddress)
    /// Another program changes promote_secondaries.
    case hostPromotes(Bool)
    /// The machine refuses something for a while.
    case refuse(String, Duration)
    /// The kernel's events are lost.
    case lose
    /// The kernel takes the process's sockets out of their multicast groups, as it does when it
    /// makes the IPv6 part of an interface again.
    case forgetGroups
    /// Changes of routers concern only the node's file from now on.
    case edit
    /// Brings the node to what its file says, in one change.
    case reload
    /// Has routers move together from now on; none of a group if there are no routers.
    case group(String, [String])
  }

  /// An event of an interface.
  public enum LinkDeed: String, Sendable, Hashable, CaseIterable {
    /// The interface is switched off.
    case down
    /// The interface is switched on.
    case up
    /// Its cable is pulled.
    case noCarrier = "no-carrier"
    /// Its cable is back.
    case carrier
    /// The interface is removed.
    case gone
    /// The interface appears again, with another number.
    case new
    /// The interface is plugged into the first segment.
    case joins
    /// The interface is plugged into the second segment.
    case strays
    /// The interface gets an MTU that is too small for IPv6.
    case smallMTU = "mtu-576"
    /// The interface gets an MTU that suits everything.
    case usualMTU = "mtu-1500"
  }

  /// An operator's deed to a router.
  public enum RouterDeed: Sendable, Hashable {
    /// Brings it to exactly these settings.
    case up([InterfaceAddress], [StorySetting])
    /// Changes some of its settings.
    case set([StorySetting])
    /// Gives it more addresses.
    case add([InterfaceAddress])
    /// Takes addresses from it.
    case remove([IPAddress])
    /// Hands it over and removes it.
    case down
    /// Leaves the Active role to others, for a while or until it is promoted.
    case resign(Duration?)
    /// Takes the Active role.
    case promote
    /// Ends a resignation or promotion.
    case resume
    /// Says for a cause how fit the router is.
    case fitness(String, Fitness)
  }

  /// A statement of the program that runs the node about a router.
  public enum Fitness: Sendable, Hashable {
    /// Nothing speaks against it.
    case fit
    /// Its priority is lower by so much.
    case weaker(UInt8)
    /// Its priority is higher by so much.
    case stronger(UInt8)
    /// The router leaves the election.
    case unfit
  }

  /// A deed of a machine outside the groups on the first segment.
  public enum StrangerDeed: Sendable, Hashable {
    /// Uses an address from now on.
    case has(IPAddress)
    /// No longer uses it.
    case leaves(IPAddress)
    /// Says once that it has an address.
    case announces(IPAddress)
    /// Advertises addresses of its own with the VRID of a group.
    case advertises(VRID, Priority, [IPAddress])
    /// No longer advertises anything.
    case silence
  }

  /// A condition that must hold.
  public enum Expectation: Sendable, Hashable {
    /// Exactly these machines have an address.
    case holder(IPAddress, [String])
    /// The client reaches an address on this machine; on none if `nil`.
    case served(IPAddress, String?)
    /// Exactly these nodes have a router in a state, in all its families.
    case state(VirtualRouter.State, String, [String])
    /// A machine is as if it had never had a node.
    case untouched(String)
    /// No two machines have had an address for longer than that at a time.
    case overlap(IPAddress, Duration)
    /// No client has been without an address for longer than that at a time, since it was first
    /// served.
    case outage(IPAddress, Duration)
  }
}

// MARK: Text

extension StoryCommand: CustomStringConvertible {
  /// The command as a line of a story.
  public var description: String {
    switch self {
    case .seed(let seed): "seed \(seed)"
    case .segment(let conditions): "segment\(conditions.scenarioText)"
    case .newNode(let name, let lease, let isGuarded):
      "node \(name)" + (lease.map { " lease \($0)" } ?? "") + (isGuarded ? "" : " unguarded")
    case .node(let name, let deed): deed.text(name)
    case .router(let node, let router, let deed): deed.text("\(node) \(router)")
    case .tick(let duration): "tick \(duration.text)"
    case .rest(let duration): "rest \(duration.text)"
    case .setCut(let names, let isCut):
      "\(isCut ? "cut" : "plug") \(names.joined(separator: " "))"
    case .setBlocked(let from, let to, let isBlocked):
      "\(isBlocked ? "drop" : "pass") \(from)->\(to)"
    case .partition(let sides):
      "partition \(sides.map { $0.joined(separator: " ") }.joined(separator: " | "))"
    case .heal: "heal"
    case .stranger(let deed): "stranger \(deed)"
    case .trace(let isOn): "trace \(isOn ? "on" : "off")"
    case .show: "show"
    case .expect(let expectation): "expect \(expectation)"
    }
  }
}

extension StoryCommand.Deed {
  fileprivate func text(_ name: String) -> String {
    switch self {
    case .start: "start \(name)"
    case .stop: "stop \(name)"
    case .kill(let withGuard): "kill \(name)" + (withGuard ? " and guard" : "")
    case .killAfter(let count): "kill \(name) after \(count)"
    case .killGuard: "kill guard of \(name)"
    case .freeze(let duration): "freeze \(name) \(duration.text)"
    case .sleep(let duration): "sleep \(name) \(duration.text)"
    case .clock(let drift): "clock \(name) \(drift < 0 ? "" : "+")\(Self.percent(drift))%"
    case .lease(let lease): "lease \(name) \(lease)"
    case .link(let interface, let deed): "link \(name) \(interface) \(deed.rawValue)"
    case .rename(let old, let new): "rename \(name) \(old) \(new)"
    case .hostAdds(let address): "host \(name) adds \(address)"
    case .hostReplaces(let address): "host \(name) replaces \(address)"
    case .hostRemoves(let address): "host \(name) removes \(address)"
    case .hostPromotes(let isOn): "host \(name) promotes \(isOn ? "on" : "off")"
    case .refuse(let what, let duration): "refuse \(name) \(what) \(duration.text)"
    case .lose: "lose \(name)"
    case .forgetGroups: "host \(name) forgets groups"
    case .edit: "edit \(name)"
    case .reload: "reload \(name)"
    case .group(let group, let routers):
      (["group", name, group] + routers).joined(separator: " ")
    }
  }

  /// Parts per million as percent.
  private static func percent(_ drift: Int64) -> String {
    Probability(partsPerMillion: UInt32(drift.magnitude)).description.dropLast()
      .reduce(into: drift < 0 ? "-" : "") { $0.append($1) }
  }
}

extension StoryCommand.RouterDeed {
  fileprivate func text(_ place: String) -> String {
    func words(_ verb: String, _ values: [some CustomStringConvertible]) -> String {
      ([verb, place] + values.map(\.description)).joined(separator: " ")
    }
    switch self {
    case .up(let addresses, let settings):
      return words("up", addresses.map(\.description) + settings.map(\.description))
    case .set(let settings): return words("set", settings)
    case .add(let addresses): return words("add", addresses)
    case .remove(let addresses): return words("remove", addresses)
    case .down: return "down \(place)"
    case .resign(let duration): return "resign \(place)" + (duration.map { " \($0.text)" } ?? "")
    case .promote: return "promote \(place)"
    case .resume: return "resume \(place)"
    case .fitness(let cause, .fit): return "fitness \(place) \(cause) fit"
    case .fitness(let cause, .weaker(let decrement)):
      return "fitness \(place) \(cause) weaker \(decrement)"
    case .fitness(let cause, .stronger(let increment)):
      return "fitness \(place) \(cause) stronger \(increment)"
    case .fitness(let cause, .unfit): return "fitness \(place) \(cause) unfit"
    }
  }
}

extension StoryCommand.StrangerDeed: CustomStringConvertible {
  /// The words after `stranger`.
  public var description: String {
    switch self {
    case .has(let address): "has \(address)"
    case .leaves(let address): "leaves \(address)"
    case .announces(let address): "announces \(address)"
    case .advertises(let vrid, let priority, let addresses):
      "advertises \(vrid) \(priority) "
        + addresses.map(\.description).joined(separator: " ")
    case .silence: "falls silent"
    }
  }
}

extension StoryCommand.Expectation: CustomStringConvertible {
  /// The words after `expect`.
  public var description: String {
    func list(_ names: [String]) -> String {
      names.isEmpty ? "none" : names.joined(separator: " ")
    }
    return switch self {
    case .holder(let address, let names): "holder \(address) \(list(names))"
    case .served(let address, let name): "served \(address) \(name ?? "none")"
    case .state(let state, let router, let names): "\(state.rawValue) \(router) \(list(names))"
    case .untouched(let name): "untouched \(name)"
    case .overlap(let address, let bound): "overlap \(address) \(bound.text)"
    case .outage(let address, let bound): "outage \(address) \(bound.text)"
    }
  }
}
