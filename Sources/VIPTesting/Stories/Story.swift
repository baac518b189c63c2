import Netlink
import VIPCore
import VRRPSimulation

/// A story of some nodes on a segment: commands in the order in which they happen.
///
/// Text is one command a line, `#` begins a comment, and indented lines are the output of an
/// earlier run, which are skipped: a transcript is a story again.
///
/// ```
/// node a
/// node b
/// up a web 192.0.2.10/24 priority 200
/// up b web 192.0.2.10/24
/// tick 5s
/// kill a
/// tick 1s
/// expect holder 192.0.2.10 b
/// ```
///
/// | Command | Does |
/// |---|---|
/// | `seed N` | chooses what chance does; first of all |
/// | `segment [latency D] [jitter D] [loss P] [duplicate P] [reorder P] [corrupt P]` | treats packets so from now on |
/// | `node A [lease D\|off] [unguarded]` | adds a machine and starts a node on it |
/// | `up A ROUTER ADDRESS… [SETTING VALUE]…` | brings a router to exactly these settings |
/// | `set A ROUTER [SETTING VALUE]…` | changes some settings of a router |
/// | `add A ROUTER ADDRESS…`, `remove A ROUTER ADDRESS…` | changes its addresses |
/// | `down A ROUTER` | hands a router over and removes it |
/// | `edit A`, `reload A` | changes of its routers concern only its file; brings the node to what it says |
/// | `group A GROUP [ROUTER]…` | has routers move together; none any more if none is named |
/// | `resign A ROUTER [D]`, `promote A ROUTER` | moves the Active role by hand |
/// | `resume A ROUTER` | ends a resignation or promotion |
/// | `fitness A ROUTER CAUSE fit\|weaker N\|stronger N\|unfit` | says for a cause how fit a router is |
/// | `lease A D\|off` | changes the lease of a node's addresses |
/// | `stop A`, `start A` | ends a node in good order; starts one again with the routers it had |
/// | `kill A`, `kill A and guard`, `kill guard of A` | kills a node, its guard too, or the guard alone |
/// | `kill A after N` | kills a node in the middle of a turn, after N more requests to the kernel |
/// | `freeze A D`, `sleep A D` | stops the process; puts the whole machine to sleep |
/// | `clock A ±P` | lets its clock run faster or slower |
/// | `tick D` | lets time pass |
/// | `rest D` | the same, but only until everything has come to rest and was looked at; fails if it has not |
/// | `cut A…`, `plug A…` | cuts a machine's cables; plugs them in again |
/// | `drop A->B`, `pass A->B` | blocks one direction between two machines; opens it |
/// | `partition A… \| B…`, `heal` | parts the segment; opens and plugs everything |
/// | `link A IF down\|up\|no-carrier\|carrier\|gone\|new\|mtu-576\|mtu-1500` | an event of an interface |
/// | `link A IF joins\|strays` | plugs an interface into the first segment; into the second one |
/// | `rename A IF NAME` | gives an interface another name |
/// | `host A adds ADDRESS`, `host A replaces ADDRESS`, `host A removes ADDRESS` | another program changes the addresses of `eth0` |
/// | `host A promotes on\|off` | changes promote_secondaries |
/// | `host A forgets groups` | takes its sockets out of their multicast groups |
/// | `refuse A install\|remove\|link\|send\|permission\|neighbours\|announce\|open D` | the machine refuses requests for a while |
/// | `lose A` | the kernel's events overflow |
/// | `stranger has ADDRESS`, `stranger leaves ADDRESS` | a machine outside the group uses an address |
/// | `stranger announces ADDRESS` | one says once that it has an address |
/// | `stranger advertises VRID PRIORITY ADDRESS…`, `stranger falls silent` | a router of another group |
/// | `trace on\|off` | shows repeated messages too |
/// | `show` | prints the status of every node |
/// | `expect holder ADDRESS A…\|none` | fails unless exactly these machines have the address |
/// | `expect served ADDRESS A\|none` | fails unless the client reaches the address there |
/// | `expect active\|backup\|initialize ROUTER A…\|none` | fails unless exactly these nodes are in that state |
/// | `expect overlap ADDRESS D` | fails if two machines have had the address for longer at a time |
/// | `expect outage ADDRESS D` | fails if the client was without it for longer at a time |
/// | `expect untouched A` | fails unless the machine is as if it had never had a node |
///
/// Settings are `priority N`, `vrid N` (51 if left out), `interface IF` (`eth0`), `interval D`,
/// `preempt on|off|D`, `version 2|3`, `password W`, `handover seamless|strict`, `probe on|off`,
/// `mac own|virtual`, `track IF[=N]`, `peers A,B…`, `hooks on|off`.
///
/// Machines are numbered in the order in which they appear. The first one's `eth0` has the
/// addresses 192.0.2.1/24 and fe80::1/64, its `eth1` on a second segment 198.51.100.1/24 and
/// fe80::1/64; the second one has …2, and so on.
public struct Story: Sendable, Hashable {
  /// A command and the line it stands on.
  public struct Statement: Sendable, Hashable {
    /// The command.
    public var command: StoryCommand
    /// The line in the text, counted from 1; 0 if it came from no text.
    public var line: Int

    /// Makes a statement.
    public init(_ command: StoryCommand, line: Int = 0) {
      self.command = command
      self.line = line
    }
  }

  /// The commands in order.
  public var statements: [Statement]

  /// Makes a story of commands.
  public init(_ commands: [StoryCommand]) {
    statements = commands.map { Statement($0) }
  }
}

extension Story: CustomStringConvertible {
  /// The story as text that ``init(parsing:)`` reads.
  public var description: String {
    statements.map { "\($0.command)\n" }.joined()
  }
}

/// A fault of the text of a story, with its place.
public struct StoryError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The line, counted from 1.
  public let line: Int
  /// The fault, and what would be right.
  public let message: String

  /// Line and message as `3: message`.
  public var description: String { "\(line): \(message)" }
}
