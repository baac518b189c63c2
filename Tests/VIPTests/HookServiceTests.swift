import Foundation
import Glibc
import TestSupport
import Testing
import VIP
import VIPCore
import VIPTesting
import VIPHooks
import VRRP

/// Hooks as a customer of a node's events.
@Suite(.timeLimit(.minutes(10))) struct HookServiceTests {
  private let machine = MachineInMemory()

  @Test func `programs follow the settled states, and their ends are events of the node`()
    async throws
  {
    let folder = try TemporaryDirectory()
    try folder.write("#!/bin/sh\necho \"$VIPCTL_STATE $X\" >>\(folder["notes"])\n", to: "hook")
    chmod(folder["hook"], 0o755)
    let notes = { (try? String(contentsOfFile: folder["notes"], encoding: .utf8)) ?? "" }

    let node = try Node(on: machine)
    let hooks = try HookService(for: node, variables: ["X": "1"])
    let events = node.events()
    // Long enough that a busy machine does not make it step down for being late.
    var router = try settings(interval: try #require(AdvertisementInterval(centiseconds: 50)))
    router.hooks = Hooks(active: [folder["hook"]], stop: [folder["hook"]])
    try await node.up(router)
    while !notes().contains("active 1\n") { try await Task.sleep(for: .milliseconds(10)) }
    #expect(await hooks.longestFinish > HookService.patience)
    while hooks.status(of: "web", .ipv4)?.runs != 1 {
      try await Task.sleep(for: .milliseconds(10))
    }
    var status = try #require(try await node.status().routers.first)
    #expect(status.hooks == nil)
    hooks.complete(&status)
    #expect(status.hooks?.runs == 1 && status.hooks?.failures == 0 && status.problems.isEmpty)

    await node.retire()
    await hooks.finish()
    #expect(notes().hasSuffix("stop 1\n"), "the end waits for it")
    await node.shutdown()
    var told: [String] = []
    for await event in events {
      switch event {
      case .settled(_, _, let settlement): told.append("settled \(settlement.state)")
      case .hook(_, _, let state, _): told.append("hook \(state)")
      default: break
      }
    }
    #expect(
      told.filter { $0 != "settled backup" } == [
        "settled active", "hook active", "settled stop", "hook stop",
      ])
  }

  @Test func `a program that fails is a problem of its router`() async throws {
    let node = try Node(on: MachineInMemory.down())
    let hooks = try HookService(for: node)
    var router = try settings()
    router.hooks = Hooks(fault: ["/bin/false"])
    try await node.up(router)
    while hooks.status(of: "web", .ipv4)?.failures != 1 {
      try await Task.sleep(for: .milliseconds(10))
    }
    var status = try #require(try await node.status().routers.first)
    hooks.complete(&status)
    #expect(status.problems.map(\.kind) == [.hook(.fault)])
    #expect(status.warnings == ["the hook for fault ended with exit code 1"])
    await node.shutdown()
  }
}
