import ArgumentParser
import Glibc
import TestSupport
import Testing

@testable import vipctl

/// The contract of the command line, with the program itself: exit codes and one line on stderr.
@Suite struct CommandLineTests {
  private func vipctl(_ arguments: [String]) throws -> CommandResult {
    let folder = try TemporaryDirectory()
    return try run(
      VipctlNode.apart + ["env", "VIPCTL_RUNTIME_DIR=\(folder.path)", VipctlNode.binary]
        + arguments)
  }

  /// Wrong usage and what is said about it, without `vipctl: ` and the hint at the end.
  static let wrongUsage: [(String, String)] = [
    ("stats", "unknown command 'stats'; did you mean 'status'? See 'vipctl --help'"),
    (
      "frobnicate",
      "unknown command 'frobnicate'; the commands are run, up, down, status, add, remove, set, "
        + "config, reload, resign, promote, resume, drain, undrain, announce, simulate, monitor, "
        + "import, events, metrics, check, completion, version; see 'vipctl --help'"
    ),
    ("help stauts", "unknown command 'stauts'; did you mean 'status'? See 'vipctl --help'"),
    ("stauts --help", "unknown command 'stauts'; did you mean 'status'? See 'vipctl --help'"),
    (
      "status --watsh",
      "unknown option '--watsh'; did you mean '--watch'? See 'vipctl status --help'"
    ),
    (
      "up 192.0.2.10/24 --prio 7",
      "unknown option '--prio'; did you mean '--priority'? See "
        + "'vipctl up --help'"
    ),
    ("up 192.0.2.10/24 --frobnicate", "unknown option '--frobnicate'"),
    ("completion ksh", "<shell>: 'ksh' is no shell that can be helped; give bash, zsh or fish"),
    ("events --lines 0", "--lines: '0' is not a number of lines; give 1 to 1000"),
    ("events -f -n 5", "--follow and --lines exclude each other; give one of them"),
    ("status --output xml", "--output: 'xml' is not a form; give text or json"),
    ("--frobnicate", "unknown option '--frobnicate'; see 'vipctl --help'"),
    ("up", "no addresses are given; name at least one, or a file with --config"),
    ("up 192.0.2.10/24", "no interface is given; name it with --interface IF"),
    (
      "up 192.0.2.10/24 -i eth0",
      "no VRID is given; choose 1 to 255 with --vrid N, the same on all"
    ),
    ("up -i eth0 --vrid 51", "no addresses are given; name at least one, or a file with --config"),
    (
      "up 192.0.2.10/24 -i eth0 --vrd 51",
      "unknown option '--vrd'; did you mean '--vrid'? See 'vipctl up --help'"
    ),
    (
      "up 192.0.2.10/24 -i eth0 --vrid 51 --peer 224.0.0.18",
      "--peer: '224.0.0.18' is no address that one machine of a network can have"
    ),
    (
      "up 192.0.2.10/24 -i eth0 --vrid 51 --version 4",
      "--version: '4' is not a version of VRRP; give 2 or 3"
    ),
    (
      "up 2001:db8::1/64 -i eth0 --vrid 51 --version 2",
      "version 2 exists for IPv4 only; use version 3 for IPv6"
    ),
    (
      "up 192.0.2.1 -i e --vrid 1 --version 2 --interval 500ms",
      "--interval: '500ms' is not an interval; version 2 counts in whole seconds, 1s to 255s"
    ),
    (
      "up 192.0.2.1 -i e --vrid 1 --preempt-delay 30",
      "--preempt-delay: '30' has no unit; write 30s or 30ms"
    ),
    (
      "up 192.0.2.1 -i e --vrid 1 --preempt-delay 3s --no-preempt",
      "--no-preempt and --preempt-delay exclude each other; give one of them"
    ),
    ("up --vrid", "missing value for '--vrid <n>'"),
    ("run 192.0.2.10 -i e --vrid 0", "--vrid: '0' is not a VRID; give a number from 1 to 255"),
    ("run 192.0.2.10 -i e --vrid 256", "--vrid: '256' is not a VRID; give a number from 1 to 255"),
    ("run 192.0.2.10 -i e --vrid web", "--vrid: 'web' is not a VRID; give a number from 1 to 255"),
    (
      "run 192.0.2.10 -i e --vrid 1 --priority 0",
      "--priority: '0' is not a priority; give a number from 1 to 255 (255: the address owner)"
    ),
    (
      "run 192.0.2.10 -i e --vrid 1 --priority 256",
      "--priority: '256' is not a priority; give a number from 1 to 255 (255: the address owner)"
    ),
    ("run 192.0.2.10 -i e --vrid 1 --interval 1", "--interval: '1' has no unit; write 1s"),
    (
      "run 192.0.2.10 -i e --vrid 1 --interval 5ms",
      "--interval: '5ms' is not an interval; give 10ms to 40.95s in steps of 10ms, such as 1s or "
        + "250ms"
    ),
    (
      "run 192.0.2.10 -i e --vrid 1 --interval 41s",
      "--interval: '41s' is not an interval; give 10ms to 40.95s in steps of 10ms, such as 1s or "
        + "250ms"
    ),
    (
      "run 192.0.2.10 -i e --vrid 1 --lease 1s",
      "--lease: '1s' is not a lease; give auto, whole seconds from 2s to 1h, or off"
    ),
    (
      "run 192.0.2.10 -i e --vrid 1 --checksum crc",
      "--checksum: 'crc' is not a checksum form; give one of auto, message, pseudo-header"
    ),
    (
      "up 192.0.2.10 -i e --vrid 1 --timeout 10",
      "--timeout: '10' has no unit; write 10s or 10ms"
    ),
    (
      "up 192.0.2 -i e --vrid 1",
      "'192.0.2' is not an address; write it like 192.0.2.10/24 or 2001:db8::10/64"
    ),
    ("up 192.0.2.1/33 -i e --vrid 1", "'/33' is not a prefix length; IPv4 has /1 to /32"),
    (
      "up 224.0.0.1 -i e --vrid 1",
      "224.0.0.1 is a multicast address; a virtual address names one host"
    ),
    (
      "up 127.0.0.1 -i e --vrid 1",
      "127.0.0.1 is a loopback address; no other machine could reach it"
    ),
    (
      "up :: -i e --vrid 1",
      ":: is the unspecified address; a virtual address names one host"
    ),
    ("up 192.0.2.1 192.0.2.1/24 -i e --vrid 1", "192.0.2.1 is given twice; name it once"),
    ("up 192.0.2.1 -i a/b --vrid 1", "'a/b' can't be the name of an interface"),
    (
      "up --config f.yaml 192.0.2.1",
      "--config and addresses exclude each other; set it in the file"
    ),
    (
      "up --config f.yaml --no-guard",
      "--config and --no-guard exclude each other; set it in the file"
    ),
    (
      "run --config f.yaml --realtime",
      "--config and --realtime exclude each other; set it in the file"
    ),
    (
      "run --config f.yaml --vrid 1",
      "--config and --vrid exclude each other; set it in the file"
    ),
    ("down", "nothing is named; give a router's name or address, or --all"),
    ("down --all web", "--all and 'web' exclude each other; give one of them"),
    ("status a b", "unexpected argument 'b'"),
    ("add", "missing expected argument '<name>'"),
    ("add web", "missing expected argument '<address> ...'"),
    ("add web 192.0.2.1/33", "'/33' is not a prefix length; IPv4 has /1 to /32"),
    ("remove web", "missing expected argument '<address> ...'"),
    (
      "remove web 192.0.2",
      "'192.0.2' is not an address; write it like 192.0.2.10/24 or 2001:db8::10/64"
    ),
    ("set", "missing expected argument '<name>'"),
    ("set web", "no setting is named; give one, such as --priority"),
    (
      "set web --priority 256",
      "--priority: '256' is not a priority; give a number from 1 to 255 "
        + "(255: the address owner)"
    ),
    ("reload web", "unexpected argument 'web'"),
    ("resign", "nothing is named; give a router's name or address, or --all"),
    ("resign web --all", "--all and 'web' exclude each other; give one of them"),
    ("resume", "nothing is named; give a router's name or address, or --all"),
    ("resume --all web", "--all and 'web' exclude each other; give one of them"),
    ("drain web", "unexpected argument 'web'"),
    ("undrain web", "unexpected argument 'web'"),
    ("resign web --for 10", "--for: '10' has no unit; write 10s or 10ms"),
    ("promote", "missing expected argument '<name>'"),
    ("announce", "missing expected argument '<address> ...'"),
    ("announce 192.0.2.1", "missing expected argument '--interface <if>'"),
    (
      "announce 224.0.0.1 -i e",
      "'224.0.0.1' is no address that one machine of a network can have"
    ),
    (
      "announce 192.0.2.1 -i e --count 0",
      "--count: '0' is not a count; give a number from 1 to 100"
    ),
    (
      "announce 192.0.2.1 -i e --mac 01:00:5e:00:00:01",
      "--mac: '01:00:5e:00:00:01' is not a machine's Ethernet address, such as 02:00:5e:10:00:01"
    ),
    ("simulate", "there is nothing to play; name a scenario file or give --routers N"),
    (
      "simulate x.txt --loss 2%",
      "a scenario file and --loss exclude each other; set it in the file"
    ),
    ("simulate --routers 27", "--routers: '27' is not a number of routers; give 1 to 26"),
    (
      "simulate --routers 2 --priorities 1,2,3",
      "--routers says 2, but 3 priorities are given; leave one out"
    ),
    (
      "simulate --priorities 100,,1",
      "--priorities: '' is not a priority; give a number from 1 to 255 (255: the address owner)"
    ),
    (
      "simulate --loss 2",
      "--loss: '2' is not a percentage; give 0% to 100%, such as 2% or 0.5%"
    ),
    ("simulate --for 10", "--for: '10' has no unit; write 10s or 10ms"),
    ("simulate --for 25h", "--for: '25h' is not a time; give 0s to 24h, such as 30s or 250ms"),
    ("simulate --seed -1", "missing value for '--seed <n>'"),
    ("simulate --seed x", "--seed: 'x' is not a seed; give a number"),
    ("import", "missing expected argument '<file>'"),
    ("monitor", "nothing is named; give an interface with -i or a capture with -r"),
    ("monitor -i eth0 -r a.pcap", "--interface and --read exclude each other; give one of them"),
    (
      "monitor -i eth0 --count 0",
      "--count: '0' is not a number of packets; give 1 or more"
    ),
    ("monitor -i eth0 --for 5", "--for: '5' has no unit; write 5s or 5ms"),
    (
      "simulate --crash 60s",
      "--crash 60s is not before the end after 60s; lengthen it with --for"
    ),
  ]

  @Test(arguments: wrongUsage)
  func `wrong usage`(command: String, message: String) throws {
    let words = command.split(separator: " ").map(String.init)
    let result = try vipctl(words)
    let hint =
      message.contains("See '") || message.contains("see '")
      ? "" : "; see 'vipctl \(words[0]) --help'"
    #expect(result.errors == "vipctl: \(message)\(hint)\n")
    #expect(result.status == ExitStatus.usage.rawValue)
    #expect(result.output.isEmpty)
  }

  @Test func `a value with a line feed in it still makes one line`() throws {
    let result = try vipctl(["up", "192.0.2.1", "-i", "e", "--vrid", "1\n2\u{1B}[31m"])
    #expect(
      result.errors
        == "vipctl: --vrid: '1\\n2\\u{1b}[31m' is not a VRID; give a number from 1 to 255; see "
        + "'vipctl up --help'\n")
  }

  @Test(arguments: [
    ["status"], ["status", "web", "--json"], ["down", "web"], ["down", "--all"],
    ["add", "web", "192.0.2.1"], ["remove", "web", "192.0.2.1"],
    ["set", "web", "--priority", "120"], ["config", "show"], ["config", "show", "web"], ["reload"],
    ["resign", "web"],
    ["promote", "web"], ["resign", "--all"], ["resume", "web"], ["resume", "--all"], ["drain"],
    ["undrain"], ["events"], ["events", "--follow"], ["metrics"], ["status", "--watch"],
    ["status", "--check"], ["status", "-o", "wide"], ["status", "web", "-v"], ["is-active", "web"],
    ["wait", "web", "--for", "active"], ["wait", "web", "--for", "backup", "--timeout", "1s"],
  ])
  func `nothing runs`(arguments: [String]) throws {
    let result = try vipctl(arguments)
    #expect(result.status == ExitStatus.noNode.rawValue)
    #expect(result.errors.hasPrefix("vipctl: no node runs on /tmp/"))
    #expect(result.errors.hasSuffix("; start one with 'vipctl up' or 'vipctl run'\n"))
  }

  @Test func `without a node a router is gone`() throws {
    let result = try vipctl(["wait", "web", "--for", "gone"])
    #expect(result.status == 0 && result.errors.isEmpty && result.output.isEmpty)
  }

  @Test func `without a node metrics remove their own file and no other`() throws {
    let folder = try TemporaryDirectory()
    for (text, stays) in [("important\n", true), ("# HELP vipctl_up \n", false)] {
      try folder.write(text, to: "file")
      let result = try vipctl(["metrics", "--output", folder["file"]])
      #expect(result.status == ExitStatus.noNode.rawValue)
      #expect((access(folder["file"], F_OK) == 0) == stays)
    }
  }

  @Test(arguments: ["up", "run"])
  func `a bad file comes before a missing permission`(command: String) throws {
    let folder = try TemporaryDirectory()
    try folder.write("routers:\n- vird: 51\n", to: "web.yaml")
    let result = try run(
      VipctlNode.apart + Self.withoutCapabilities + [
        VipctlNode.binary, command, "--config", folder["web.yaml"],
      ])
    #expect(result.status == ExitStatus.file.rawValue)
    #expect(
      result.errors
        == "vipctl: \(folder["web.yaml"]):2:3: unknown key 'vird' in a router; did you mean "
        + "'vrid'?\n")
  }

  @Test func `a file that may not be read`() throws {
    let folder = try TemporaryDirectory()
    try folder.write("routers: []\n", to: "web.yaml")
    try #require(chmod(folder["web.yaml"], 0) == 0)
    let result = try run(
      VipctlNode.apart + Self.withoutCapabilities + [
        VipctlNode.binary, "up", "--config", folder["web.yaml"],
      ])
    #expect(result.status == ExitStatus.file.rawValue)
    #expect(
      result.errors
        == "vipctl: \(folder["web.yaml"]): not allowed to read it; check its permissions\n")
  }

  @Test(arguments: ["up", "run"])
  func `no capability`(command: String) throws {
    let folder = try TemporaryDirectory()
    let result = try run(
      VipctlNode.apart + Self.withoutCapabilities + [
        VipctlNode.binary, command, "192.0.2.10/24", "-i", "lo", "--vrid", "51", "--runtime-dir",
        folder["run"],
      ])
    #expect(result.status == ExitStatus.notPermitted.rawValue)
    #expect(
      result.errors
        == "vipctl: CAP_NET_ADMIN and CAP_NET_RAW are missing; use sudo, or once: sudo setcap "
        + "cap_net_admin,cap_net_raw+ep $(command -v vipctl), and give it a --runtime-dir of your "
        + "own\n")
    #expect(access(folder["run"], F_OK) != 0, "nothing may be left behind")
  }

  /// As root, a program without any capability; otherwise the tests have none to begin with.
  private static var withoutCapabilities: [String] {
    geteuid() == 0
      ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"] : ["env"]
  }

  @Test(arguments: [
    "run", "up", "down", "status", "is-active", "wait", "add", "remove", "set", "config", "reload",
    "resign", "promote",
    "resume",
    "drain", "undrain", "announce",
    "simulate", "monitor", "import", "events", "metrics", "check", "completion", "version",
  ])
  func `each command has help with examples`(command: String) throws {
    let result = try vipctl([command, "--help"])
    #expect(result.status == 0 && result.errors.isEmpty)
    #expect(result.output.split(separator: "\n").count { $0.hasPrefix("  vipctl \(command)") } >= 2)
    #expect(result.output == (try vipctl(["help", command]).output))
    let examples = result.output.prefix(
      upTo: try #require(result.output.firstRange(of: "USAGE")).lowerBound)
    #expect(examples.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test func `help and version`() throws {
    let help = try vipctl(["--help"])
    #expect(help.status == 0 && help.errors.isEmpty)
    #expect(help.output.contains("vipctl up 192.0.2.10/24 --interface eth0 --vrid 51"))
    #expect(!help.output.contains("background-node"))
    let version = try vipctl(["--version"])
    #expect(version.status == 0 && version.output.hasPrefix("vipctl 0."))
    let both = try vipctl(["version"])
    #expect(both.status == 0 && both.output.hasPrefix(version.output + "no node runs on /tmp/"))
  }

  @Test func `without a command and a node there is a short help`() throws {
    let result = try vipctl([])
    #expect(result.status == 0 && result.errors.isEmpty)
    #expect(result.output == Overview.help + "\n")
    #expect(result.output.split(separator: "\n").count < 20)
  }

  @Test func `each command that is shown is in one group of the short help`() {
    let shown = Vipctl.subcommandTypes.map { $0.configuration }.filter { $0.shouldDisplay }
      .compactMap { $0.commandName }
    #expect(Overview.groups.flatMap(\.commands).sorted() == shown.sorted())
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func `a shell gets the script of its completions`(shell: String) throws {
    let result = try vipctl(["completion", shell])
    #expect(result.status == 0 && result.output.contains("undrain"))
    #expect(result.output == (try vipctl(["--generate-completion-script", shell]).output))
  }

  @Test func `a runtime directory may stand before the command`() throws {
    for words in [["--runtime-dir", "/nowhere", "status"], ["--runtime-dir=/nowhere", "status"]] {
      let result = try vipctl(words)
      #expect(result.status == ExitStatus.noNode.rawValue)
      #expect(result.errors.hasPrefix("vipctl: no node runs on /nowhere; "))
    }
    let moved = CommandWords.inOrder(["--runtime-dir", "/a", "add", "web", "--", "192.0.2.1"])
    #expect(moved.words == ["add", "web", "--runtime-dir", "/a", "--", "192.0.2.1"])
    #expect(CommandWords.inOrder(["status", "web"]).words == ["status", "web"])
    let alone = CommandWords.inOrder(["--runtime-dir", "/a"])
    #expect(alone.words.isEmpty && alone.directory == "/a")
    #expect(CommandWords.inOrder(["--runtime-dir"]).words == ["--runtime-dir"])
  }
}
