import KubernetesClient
import Testing
import VIPCore
import VIPKubernetes

@testable import VIPKubernetesRuntime

/// What people are told, and how often.
@Suite struct EventBookTests {
  private var book = EventBook(rate: 1, burst: 20)

  private func told(_ message: String, about router: String = "r") -> EventBook.Told {
    EventBook.Told(
      event: Event(.router(router), isWarning: true, reason: "R", message: message), uid: "u")
  }

  /// Writes all that is due: how often each name has happened.
  private mutating func writes(at now: Duration) -> [String] {
    var lines: [String] = []
    while case .write(let entry) = book.next(at: now) {
      switch entry {
      case .create(let name, _): lines.append("make \(name)")
      case .count(let name, _, let count): lines.append("\(name) \(count)")
      }
    }
    return lines
  }

  @Test mutating func `the same is one object that counts`() {
    book.add(told("m"), named: "a", at: .zero)
    #expect(writes(at: .zero) == ["make a"])
    book.add(told("m"), named: "b", at: .seconds(1))
    #expect(writes(at: .seconds(1)) == ["a 2"])
    for second in 2...20 { book.add(told("m"), named: "c", at: .seconds(second)) }
    #expect(book.next(at: .seconds(20)) == .wait(until: .seconds(31)))
    #expect(writes(at: .seconds(31)) == ["a 21"])
    #expect(book.next(at: .seconds(100)) == .nothing)
  }

  @Test mutating func `what comes before the object is made counts, too`() {
    for _ in 0..<3 { book.add(told("m"), named: "a", at: .zero) }
    #expect(writes(at: .zero) == ["make a", "a 3"])
  }

  @Test mutating func `another text is another object, and so is a later time`() {
    book.add(told("m"), named: "a", at: .zero)
    book.add(told("n"), named: "b", at: .zero)
    #expect(writes(at: .zero) == ["make a", "make b"])
    book.add(told("m"), named: "c", at: EventBook.seriesPeriod)
    #expect(writes(at: EventBook.seriesPeriod) == ["make c"])
  }

  @Test mutating func `an object that could not be written is made again`() {
    book.add(told("m"), named: "a", at: .zero)
    guard case .write(let entry) = book.next(at: .zero) else {
      Issue.record("nothing is written")
      return
    }
    book.failed(entry)
    #expect(book.next(at: .zero) == .nothing)
    book.add(told("m"), named: "b", at: .seconds(1))
    #expect(writes(at: .seconds(1)) == ["make b"])
    // What is said of an object that is no more does not matter.
    book.failed(entry)
    book.add(told("m"), named: "c", at: .seconds(2))
    #expect(writes(at: .seconds(2)) == ["b 2"])
  }

  @Test mutating func `one object is not told about without end`() {
    for number in 0..<100 { book.add(told("m\(number)"), named: "\(number)", at: .zero) }
    #expect(writes(at: .zero).count == 10)
    // The others have their room still.
    book.add(told("m", about: "other"), named: "a", at: .zero)
    #expect(writes(at: .zero) == ["make a"])
    book.add(told("later"), named: "b", at: .seconds(25))
    #expect(writes(at: .seconds(25)) == ["make b"])
  }

  @Test mutating func `all objects together are not told about without end`() {
    for number in 0..<100 { book.add(told("m", about: "r\(number)"), named: "", at: .zero) }
    #expect(writes(at: .zero).count == 20)
    for number in 0..<100 { book.add(told("n", about: "r\(number)"), named: "", at: .seconds(5)) }
    #expect(writes(at: .seconds(5)).count == 5)
  }

  @Test mutating func `counts are bounded, too, and come later`() {
    for number in 0..<20 { book.add(told("m", about: "r\(number)"), named: "", at: .zero) }
    #expect(writes(at: .zero).count == 20)
    for number in 0..<20 { book.add(told("m", about: "r\(number)"), named: "", at: .seconds(3)) }
    #expect(writes(at: .seconds(3)).count == 3)
    #expect(book.next(at: .seconds(3)) == .wait(until: .seconds(3) + EventBook.countPeriod))
    #expect(writes(at: .seconds(3) + EventBook.countPeriod).count == 17)
  }

  @Test mutating func `no more is remembered than has room`() {
    book = EventBook(rate: 1000, burst: 5000)
    for number in 0..<5000 {
      book.add(told("m", about: "r\(number)"), named: "\(number)", at: .seconds(number / 5))
    }
    #expect(writes(at: .seconds(1000)).count <= EventBook.pagesMax)
    book.add(told("m", about: "r4999"), named: "new", at: .seconds(1000))
    #expect(writes(at: .seconds(1000)) == ["4999 2"])
  }
}

/// What a speaker has to tell.
@Suite struct SpeakerEventsTests {
  private var events = SpeakerEvents(node: "a")

  private mutating func take(
    active: [AddressFamily] = [], problem: String? = nil, generation: Int64 = 3,
    reason: String? = nil, unfit: [String] = []
  ) -> [String] {
    var report = NodeReport(
      entry: RouterObject.Acknowledgement("a", generation: generation, problem: problem))
    var reasons: [AddressFamily: String] = [:]
    for family in active { report.active[family] = RouterObject.Active("a", since: "t") }
    for family in AddressFamily.allCases { reasons[family] = reason }
    return events.take("r", report, reasons: reasons, unfit: unfit).map { event in
      #expect(event.subject == .router("r"))
      return "\(event.isWarning ? "!" : "")\(event.reason): \(event.message)"
    }
  }

  @Test mutating func `which node serves is told when it changes, and why`() {
    #expect(take(generation: 0) == [])
    #expect(
      take(active: [.ipv4], reason: "b released its role")
        == ["Active: node a serves the IPv4 addresses (b released its role)"])
    #expect(take(active: [.ipv4], reason: "b released its role") == [])
    #expect(
      take(active: [.ipv4, .ipv6]) == ["Active: node a serves the IPv6 addresses"])
    #expect(
      take(active: [.ipv6], unfit: ["kube-proxy does not answer"])
        == ["Inactive: node a serves the IPv4 addresses no more (kube-proxy does not answer)"])
  }

  @Test mutating func `what it can't serve is told once, and when that is over`() {
    #expect(
      take(problem: "eth0 is down")
        == ["!CannotServe: node a can't serve it, or not all of it: eth0 is down"])
    #expect(take(problem: "eth0 is down") == [])
    // An entry of before the first generation says nothing.
    #expect(take(generation: 0) == [])
    #expect(take() == ["CanServe: node a can serve all of it again"])
    #expect(take() == [])
  }

  @Test mutating func `a router that is no more is forgotten`() {
    _ = take(active: [.ipv4])
    events.keep(only: ["other"])
    #expect(take(active: [.ipv4]).count == 1)
  }
}
