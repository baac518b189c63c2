import Netlink
import Testing
import VIP
import VIPCore
import VIPHooks
import VIPTesting
import VRRP

/// When programs are to be run, and what they are told.
@Suite struct HookTests {
  private func bench(
    _ hooks: Hooks = Hooks(active: ["/a"], backup: ["/b"], fault: ["/f"], stop: ["/s"]),
    _ addresses: [String] = ["198.18.0.100/24"]
  ) throws -> Bench {
    let bench = try Bench()
    var router = try settings(addresses)
    router.hooks = hooks
    try bench.engine.add(router)
    return bench
  }

  /// How many events have been looked at.
  private final class Place {
    var count = 0
  }
  private let place = Place()

  /// What programs would have been run for since the last call.
  private func occasions(_ bench: Bench) -> [HookOccasion] {
    let new = bench.events.dropFirst(place.count)
    place.count = bench.events.count
    return new.compactMap(HookOccasion.init)
  }

  private func due(_ bench: Bench) -> [String] {
    occasions(bench).map { "\($0.previous)→\($0.state)" }
  }

  @Test func `each change is told once, with what was before`() throws {
    let bench = try bench()
    bench.settle()
    #expect(due(bench) == ["stop→backup"])
    bench.pass(.seconds(4))
    #expect(due(bench) == ["backup→active"])
    bench.pass(.seconds(4))
    #expect(due(bench).isEmpty)
    var down = FakePlatform.eth0
    down.flags.remove(.up)
    bench.platform.fake.setLink(down)
    bench.settle()
    down.flags.remove(.running)
    bench.platform.fake.setLink(down)
    bench.settle()
    #expect(due(bench) == ["active→fault"], "for one more reason too")
    bench.platform.fake.setLink(FakePlatform.eth0)
    bench.settle()
    #expect(due(bench) == ["fault→backup"])
    bench.engine.remove("web")
    bench.pass(.seconds(2))
    #expect(due(bench) == ["backup→stop"])
  }

  @Test func `without hooks nothing is noted`() throws {
    let bench = try bench(Hooks())
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
    #expect(due(bench).isEmpty)
  }

  @Test func `active is told when all addresses are up`() throws {
    let addresses = (1...200).map { "198.18.1.\($0)/16" }
    let bench = try bench(Hooks(active: ["/a"]), addresses)
    bench.settle()
    _ = due(bench)
    // Turn by turn: the first puts up a part of them.
    bench.platform.time = bench.platform.time + .milliseconds(3_700)
    var told = 0
    for _ in 0..<20 {
      bench.engine.turn(ready: [])
      if !bench.engine.takeEvents().compactMap(HookOccasion.init).isEmpty {
        told += 1
        #expect(try bench.held.count == 200)
      }
    }
    #expect(told == 1)
  }

  @Test func `backup is told when the hand-over is through`() throws {
    let bench = try bench()
    bench.pass(.seconds(4))
    _ = due(bench)
    try bench.hear(200, from: "198.18.0.9")
    #expect(bench.state() == .backup)
    #expect(try bench.held.count == 1)
    #expect(due(bench).isEmpty, "it serves still")
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(try bench.held.isEmpty)
    #expect(due(bench) == ["active→backup"])
  }

  @Test func `what a program is told`() throws {
    let bench = try bench()
    bench.pass(.seconds(4))
    let occasion = try #require(occasions(bench).last)
    #expect(occasion.arguments == ["/a"])
    #expect(
      occasion.environment(["VIPCTL_RUNTIME_DIR": "/run/x"]) == [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "VIPCTL_ADDRESSES=198.18.0.100/24", "VIPCTL_ADDRESS_COUNT=1",
        "VIPCTL_ADDRESS_INTERFACE=eth0",
        "VIPCTL_EFFECTIVE_PRIORITY=100", "VIPCTL_FAMILY=ipv4", "VIPCTL_INTERFACE=eth0",
        "VIPCTL_PREVIOUS_STATE=backup", "VIPCTL_PRIORITY=100",
        "VIPCTL_REASON=no advertisement from anyone for 3.612s", "VIPCTL_ROUTER=web",
        "VIPCTL_RUNTIME_DIR=/run/x", "VIPCTL_STATE=active", "VIPCTL_VRID=51",
      ])
  }

  @Test func `other hooks are taken over while the router runs`() throws {
    let bench = try bench()
    bench.settle()
    _ = due(bench)
    let before = try #require(bench.engine.settings(named: "web"))
    var router = before
    router.hooks = Hooks(active: ["/new", "x"])
    try bench.engine.change([router])
    bench.pass(.seconds(4))
    #expect(bench.routerChanges() == [.settings(ChangeReport.Change(from: before, to: router))])
    #expect(
      bench.routerChanges().map(\.description) == ["hooks: active, backup, fault, stop"])
    #expect(occasions(bench).map(\.arguments) == [["/new", "x"]])
  }

  @Test(arguments: [
    (Hooks(active: ["x"]), "'x' is not an absolute path"),
    (Hooks(fault: [""]), "'' is not an absolute path"),
    (Hooks(stop: ["/x", "a\u{0}b"]), "an argument has a zero byte in it"),
    (Hooks(stop: ["/x"] + Array(repeating: "a", count: 256)), "a hook has at most 256 arguments"),
    (Hooks(timeout: .milliseconds(99)), "the time limit of hooks lies between 100ms and 1h"),
  ])
  func `hooks that make no sense`(hooks: Hooks, message: String) throws {
    var router = try settings()
    router.hooks = hooks
    let error = #expect(throws: ConfigurationError.self) { try router.validate() }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
  }
}
