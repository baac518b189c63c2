import Testing

@testable import KubernetesClient

@Suite struct LineSplitterTests {
  private func lines(_ parts: [String], limit: Int = 100) -> [String] {
    var splitter = LineSplitter(byteCountMax: limit)
    var lines: [String] = []
    for part in parts {
      for line in splitter.append(part.utf8) {
        switch line {
        case .text(let bytes): lines.append(String(decoding: bytes, as: UTF8.self))
        case .tooLong: lines.append("too long")
        }
      }
    }
    if splitter.isInLine { lines.append("…") }
    return lines
  }

  @Test func linesAreTheSameHoweverTheyAreCut() {
    let text = "{\"a\":1}\n\n{\"b\":\"ä\"}\r\n{}\n"
    let expected = ["{\"a\":1}", "{\"b\":\"ä\"}", "{}"]
    #expect(lines([text]) == expected)
    #expect(lines(text.map(String.init)) == expected)
    for cut in 0...text.count {
      #expect(lines([String(text.prefix(cut)), String(text.dropFirst(cut))]) == expected)
    }
  }

  @Test func aLineThatHasNotEndedIsToldApart() {
    #expect(lines(["a\nb"]) == ["a", "…"])
    #expect(lines([]) == [])
  }

  @Test func aLineThatIsTooLongIsDroppedAndNoOther() {
    let long = String(repeating: "x", count: 11)
    #expect(lines(["a\n\(long)\nb\n"], limit: 10) == ["a", "too long", "b"])
    #expect(
      lines(["a\n"] + long.map(String.init) + ["\nb\n"], limit: 10) == ["a", "too long", "b"])
    #expect(lines(["\(long.dropLast())\n"], limit: 10) == [String(long.dropLast())])
  }
}

@Suite struct BackoffTests {
  @Test func delaysGrowToALimit() {
    var backoff = Backoff(first: .seconds(1), longest: .seconds(10))
    let delays = (0..<6).map { backoff.delay(afterFailureAt: .seconds($0), jitter: { 0 }) }
    #expect(
      delays == [.seconds(0.5), .seconds(1), .seconds(2), .seconds(4), .seconds(5), .seconds(5)])
  }

  @Test func chanceIsHalfOfADelay() {
    var backoff = Backoff(first: .seconds(1), longest: .seconds(10))
    #expect(backoff.delay(afterFailureAt: .zero, jitter: { 0.5 }) == .seconds(0.75))
  }

  @Test func healthBeginsAtTheFirstDelayAgain() {
    var backoff = Backoff(first: .seconds(1), longest: .seconds(10), healthy: .seconds(60))
    _ = backoff.delay(afterFailureAt: .seconds(0), jitter: { 0 })
    #expect(backoff.delay(afterFailureAt: .seconds(59), jitter: { 0 }) == .seconds(1))
    #expect(backoff.delay(afterFailureAt: .seconds(119), jitter: { 0 }) == .seconds(0.5))
  }

  @Test func theServersWishIsTheLeast() {
    var backoff = Backoff(first: .seconds(1), longest: .seconds(10))
    let delay = backoff.delay(afterFailureAt: .zero, retryAfter: .seconds(7), jitter: { 0.5 })
    #expect(delay == .seconds(7.25))
  }

  @Test func manyFailuresDoNotOverflow() {
    var backoff = Backoff()
    for _ in 0..<1000 { _ = backoff.delay(afterFailureAt: .zero, jitter: { 0.99 }) }
    #expect(backoff.delay(afterFailureAt: .zero, jitter: { 0 }) == .seconds(15))
  }
}

@Suite struct TokenBucketTests {
  @Test func soManyAtOnceAndThenOneAfterTheOther() {
    var bucket = TokenBucket(rate: 2, burst: 3)
    let delays = (0..<6).map { _ in bucket.take(at: .seconds(1)) }
    #expect(delays == [.zero, .zero, .zero, .seconds(0.5), .seconds(1), .seconds(1.5)])
  }

  @Test func aQuietTimeFillsItButNotFurther() {
    var bucket = TokenBucket(rate: 2, burst: 3)
    for _ in 0..<4 { _ = bucket.take(at: .zero) }
    #expect(bucket.take(at: .seconds(1)) == .zero)
    #expect(bucket.take(at: .seconds(1)) == .seconds(0.5))
    let delays = (0..<4).map { _ in bucket.take(at: .seconds(3600)) }
    #expect(delays == [.zero, .zero, .zero, .seconds(0.5)])
  }
}

@Suite struct MicroTimeTests {
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000000Z"),
      (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
      (951_868_800_000_000, "2000-03-01T00:00:00.000000Z"),
      (1_798_761_599_999_999, "2026-12-31T23:59:59.999999Z"),
      (4_107_542_400_000_001, "2100-03-01T00:00:00.000001Z"),
      (-1, "1969-12-31T23:59:59.999999Z"),
    ] as [(Int64, String)])
  func timesAreAsTheCalendarHasThem(microseconds: Int64, text: String) {
    #expect(MicroTime.text(microseconds: microseconds) == text)
  }
}

@Suite struct ConfigurationTests {
  private func server(_ environment: [String: String]) throws -> String {
    try ClientConfiguration.inCluster(environment: environment, directory: "/d").server
  }

  @Test func aPodFindsItsServer() throws {
    let environment = ["KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "6443"]
    let configuration = try ClientConfiguration.inCluster(
      environment: environment, directory: "/d")
    #expect(configuration.server == "https://10.96.0.1:6443")
    #expect(configuration.token == .file("/d/token"))
    #expect(configuration.authorities == .file("/d/ca.crt"))
    #expect(try server(["KUBERNETES_SERVICE_HOST": "fd00::1"]) == "https://[fd00::1]:443")
  }

  @Test func outsideOfAPodThereIsNone() {
    #expect(throws: APIError.self) { try server([:]) }
    #expect(throws: APIError.self) {
      try server(["KUBERNETES_SERVICE_HOST": "a", "KUBERNETES_SERVICE_PORT": "70000"])
    }
  }
}

@Suite struct ResourceTests {
  @Test func pathsAreTheApis() {
    let leases = Resource<Lease>.leases
    let name = ObjectName("a", in: "b")
    #expect(leases.path(namespace: nil) == "/apis/coordination.k8s.io/v1/leases")
    #expect(
      leases.path(name, subresource: .status)
        == "/apis/coordination.k8s.io/v1/namespaces/b/leases/a/status")
    let core = Resource<Lease>(version: "v1", plural: "nodes")
    #expect(core.path(ObjectName("n"), subresource: nil) == "/api/v1/nodes/n")
  }

  @Test func aNameCanNotLeaveItsPlace() {
    let path = Resource<Lease>.leases.path(ObjectName("../x?y#z%", in: "a/b"), subresource: nil)
    #expect(path == "/apis/coordination.k8s.io/v1/namespaces/a%2Fb/leases/..%2Fx%3Fy%23z%25")
  }
}

@Suite struct QueueTests {
  @Test func aFullQueueMakesItsSendersWait() async {
    let queue = BoundedQueue<Int>(capacity: 2)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for number in 0..<100 { #expect(await queue.send(number)) }
        queue.finish()
      }
      var all: [Int] = []
      for await number in queue { all.append(number) }
      #expect(all == Array(0..<100))
    }
    #expect(await queue.send(1) == false)
  }

  @Test func aSenderThatWaitsCanBeCancelled() async {
    let queue = BoundedQueue<Int>(capacity: 1)
    await queue.send(1)
    await withTaskGroup(of: Bool.self) { group in
      group.addTask { await queue.send(2) }
      group.cancelAll()
      #expect(await group.next() == false)
    }
    #expect(await queue.next() == 1)
    queue.finish()
    #expect(await queue.next() == nil)
  }

  @Test func aReceiverThatIsCancelledGetsNothing() async {
    let queue = BoundedQueue<Int>(capacity: 1)
    await withTaskGroup(of: Int?.self) { group in
      group.addTask { await queue.next() }
      group.cancelAll()
      #expect(await group.next() == .some(nil))
    }
  }
}
