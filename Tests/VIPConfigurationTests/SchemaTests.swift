import Foundation
import TestSupport
import Testing

@testable import VIPConfiguration

/// The JSON Schema of the file beside its reader.
///
/// What the reader accepts the schema accepts. What the schema accepts the reader accepts, as far
/// as it is about the form of values; what of them does not fit together, or means nothing as an
/// address, only the reader knows.
@Suite struct SchemaTests {
  /// Parts of what the reader says of values that have the right form each.
  static let relations = [
    "there is no check '", "no router is called '", "only one virtual router is in the group",
    "twice", "already", "there are two ", "such addresses", "different families",
    "is no label", "has a label", "there are no labels", "own interface", "two intervals",
    "no address that", "a virtual address", "is a loopback address", "is the unspecified address",
    "is a reserved address", "lies in 0.0.0.0/8", "is the network address",
    "is the broadcast address", "IPv4-mapped", "version 2 exists for IPv4 only",
    "version 3 has no authentication", "owner (priority 255)", "owns its addresses",
    "an owner's priority", "no addresses are given", "has bits behind its prefix",
    "no destination of a route", "link-local", "routes of IPv6 have no scope", "the metric ",
    "needs 'peers'", "such peers", "to 'peers' or to a group", "but no IPv", "but there are no IPv",
    "advertisements to single machines", "no preemption delay", "is not advertised and no address",
    "does not lie between 1 and 32765",
  ]

  /// A file in which nearly everything is said that a file can say.
  static let rich = """
    node:
      lease: 9s
      guard: true
      realtime: false
      announcements: { rate: 2000, burst: 50, repeat: [500ms, 2s], refresh: 60s }
      events: { fifo: /run/vipctl/events }
      on: { active: [/bin/true, a], timeout: 10s }
    checks:
      - { name: nginx, command: [/usr/bin/pgrep, -x, nginx], interval: 2s, timeout: 500ms, rise: 2,
          fall: 3, initially: failed, user: "www-data:daemon" }
      - { name: api, http: { url: "https://127.0.0.1:6443/readyz", status: [200, 204],
          contains: ok, host: a.b, ca: /ca.pem } }
      - { name: plain, http: "http://127.0.0.1/" }
      - { name: any, http: { url: "https://127.0.0.1/", insecure: true, status: 301 } }
      - { name: db, tcp: "127.0.0.1:5432" }
      - { name: drain, file: /run/vip.weight }
      - { name: some, process: { name: haproxy, count: 2 } }
      - { name: one, process: haproxy }
      - { name: pid, process: { pidFile: /run/haproxy.pid } }
      - { name: tunnel, interface: tun0 }
      - { name: uplink, route: { destination: 0.0.0.0/0, interface: eth1, table: 254 } }
      - { name: gateway, neighbour: { address: 192.0.2.1, interface: eth1 } }
    groups:
      - { name: gw, routers: [web, mail], checks: [nginx], track: [eth7],
          on: { stop: [/bin/true] } }
    routers:
      - name: web
        interface: eth0
        vrid: 51
        priority: 150
        interval: 250ms
        addresses:
          - 192.0.2.10/24
          - { address: 192.0.2.11/32, interface: lo, advertised: false, label: "lo:1" }
          - { address: 192.0.2.12/24, label: "eth0:1" }
        preempt: { delay: 30s }
        version: 3
        checksum: message
        handover: strict
        probe: false
        startDelay: 5s
        linkDelay: { up: 2s, down: 250ms }
        holdDown: 1m
        track: [eth1, { interface: eth2, decrement: 60 }]
        checks: [api, { check: db, weight: -20 }]
        peers: [192.0.2.2, 192.0.2.3]
        unicastSource: 192.0.2.4
        routes:
          - { destination: 198.18.5.0/24, via: 192.0.2.1, interface: eth1, source: 192.0.2.10,
              metric: 100, table: 100, scope: link }
        rules:
          - { from: 192.0.2.10/32, to: 198.18.0.0/15, fwmark: 16, table: 100, priority: 1000 }
        on: { active: [/bin/true, a], backup: null, timeout: 30s }
      - name: mail
        interface: eth1
        vrid: 8
        addresses: [192.0.2.8/24]
        version: 2
        interval: 2s
        authentication: { password: s3same }
        multicastGroup: 224.0.0.100
      - { interface: eth1, vrid: 9, addresses: ["2001:db8::9/64"], virtualMac: true,
          preempt: false, multicastGroup: ["ff02::100"] }
    """

  /// Compares both; returns how many files the reader accepts.
  @discardableResult
  private func compare(_ texts: [String]) throws -> Int {
    let verdicts = try ConfigurationSchema.accepts(texts)
    try #require(verdicts.count == texts.count)
    var count = 0
    for (text, isAccepted) in zip(texts, verdicts) {
      do throws(Diagnostic) {
        _ = try ConfigurationReader.read(text)
        count += 1
        #expect(isAccepted, "only the schema refuses\n\(text)")
      } catch {
        let isRelation = Self.relations.contains { error.text.contains($0) }
        #expect(!isAccepted || isRelation, "only the reader refuses: \(error)\n\(text)")
      }
    }
    return count
  }

  @Test func `the schema is the one that its script prints`() throws {
    let schema = try String(contentsOf: URL(filePath: ConfigurationSchema.path), encoding: .utf8)
    let printed = try ConfigurationSchema.printed()
    #expect(
      schema == printed,
      "run: Scripts/configuration-schema > Docs/configuration.schema.json")
  }

  @Test(.timeLimit(.minutes(10)))
  func `bad files are bad to both`() throws {
    #expect(try compare(ConfigurationFileTests.badFiles.map(\.0)) == 0)
  }

  @Test(.timeLimit(.minutes(10)))
  func `files in documents are good to both`() throws {
    let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let example = root.appending(path: "Examples/vipctl.yaml")
    var texts = [Self.rich, try String(contentsOf: example, encoding: .utf8)]
    for document in ["README.md", "Docs/Configuration.md", "Docs/Hooks.md"] {
      let text = try String(contentsOf: root.appending(path: document), encoding: .utf8)
      texts += text.matches(of: #/```yaml\n([^`]+)```/#).map { String($0.output.1) }
    }
    #expect(try compare(texts) == texts.count)
  }

  @Test(.timeLimit(.minutes(10)), arguments: [1, 2])
  func `files with mistakes in them`(seed: UInt64) throws {
    let good = Sketch(try #require(try YAMLTree.parse(Self.rich)))
    var random = SplitMix64(seed: seed)
    let texts = (0..<300).map { _ in
      var sketch = good
      for _ in 0..<([1, 1, 1, 2, 3].randomElement(using: &random) ?? 1) {
        sketch.change(using: &random)
      }
      return sketch.text
    }
    let count = try compare(texts)
    #expect((1..<texts.count).contains(count))
  }
}
