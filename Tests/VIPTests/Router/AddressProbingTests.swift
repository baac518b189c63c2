import ARP
import Testing
import VIPCore

@testable import VIP

/// Probing by itself: claims, advertisements and time in, probes and a verdict out.
@Suite struct AddressProbingTests {
  private static let stranger = MACAddress(2, 0, 0, 0, 0, 0x66)
  private static let start = Instant(nanoseconds: 1_000_000_000_000)
  private static let a = IPAddress.v4(IPv4Address(198, 18, 0, 1))
  private static let b = IPAddress.v4(IPv4Address(198, 18, 0, 2))
  private static let c = IPAddress.v4(IPv4Address(198, 18, 0, 3))

  private func at(_ milliseconds: Int) -> Instant { Self.start + .milliseconds(milliseconds) }

  private func begun(_ addresses: [IPAddress] = [a]) -> AddressProbing {
    var probing = AddressProbing()
    probing.begin(for: addresses, at: Self.start)
    return probing
  }

  private func claim(
    _ address: IPAddress, _ form: AddressClaim.Form = .reply, from mac: MACAddress = stranger
  ) -> AddressClaim {
    AddressClaim(address: address, mac: mac, form: form)
  }

  /// Runs it up to a moment, deadline by deadline.
  ///
  /// - Returns: what was to be sent, and when.
  @discardableResult
  private func run(
    _ probing: inout AddressProbing, until end: Instant
  ) -> [(address: IPAddress, milliseconds: Int)] {
    var sent: [(IPAddress, Int)] = []
    while let deadline = probing.deadline, deadline <= end {
      #expect(probing.takeDue(by: deadline + .nanoseconds(-1)).isEmpty, "not before it is due")
      for address in probing.takeDue(by: deadline) {
        sent.append((address, Int((deadline - Self.start) / .milliseconds(1))))
      }
    }
    return sent
  }

  private func judge(
    _ probing: inout AddressProbing, at milliseconds: Int, patience: Duration = .zero,
    groupHasSame: Bool = false, mustDecide: Bool = false
  ) -> AddressProbing.Verdict {
    probing.judge(
      at: at(milliseconds), patience: patience, groupHasSame: groupHasSame, mustDecide: mustDecide)
  }

  private var holder: AddressProbing.Holder {
    AddressProbing.Holder(address: Self.a, mac: Self.stranger)
  }

  @Test func `one that has ended is not stopped, and knows nothing of answers`() {
    var probing = begun()
    _ = probing.heard(claim(Self.a))
    probing.stop()
    #expect(!probing.isUnderWay && !probing.hasEnded)
    probing.end()
    probing.stop()
    #expect(probing.hasEnded && !probing.isUnderWay && !probing.isOver)
    #expect(probing.deadline == nil && probing.stranger == nil && probing.obstacle(1) == nil)
    probing.heardGroup(listing: Self.a)
    #expect(!probing.isNews(claim(Self.a)) && probing.listed.isEmpty)
  }

  @Test func `a process that has slept probes again before it accuses a machine`() {
    var probing = begun()
    _ = probing.takeDue(by: Self.start)
    // Nine seconds later it is answered before it can have heard the group.
    let again = probing.takeDue(by: at(9000))
    let isNews = probing.heard(claim(Self.a))
    #expect(again.count == 1 && isNews)
    run(&probing, until: at(9400))
    #expect(judge(&probing, at: 9400, mustDecide: true) == .open)
    probing.heardGroup(listing: Self.a)
    run(&probing, until: at(9800))
    #expect(judge(&probing, at: 9800, mustDecide: true) == .free)
  }

  @Test func `each address is probed for three times, and 400 ms are enough`() {
    var probing = begun([Self.a, Self.b])
    let sent = run(&probing, until: at(1000))
    #expect(sent.map(\.milliseconds) == [0, 0, 100, 100, 200, 200])
    #expect(sent.map(\.address) == [Self.a, Self.b, Self.a, Self.b, Self.a, Self.b])
    #expect(probing.isOver && probing.deadline == nil && probing.outcome == .free)
    var late = begun()
    run(&late, until: at(399))
    #expect(!late.isOver && late.deadline == at(400))
    #expect(judge(&late, at: 399) == .open && late.outcome == .open)
  }

  @Test func `more than a thousand are probed for once, fifty at a time`() {
    let addresses = (0..<2000).map { IPAddress.v4(IPv4Address(rawValue: 0xC612_0000 + $0)) }
    var probing = begun(addresses)
    let sent = run(&probing, until: at(195))
    #expect(sent.map(\.address) == addresses)
    #expect(sent.last?.milliseconds == 195 && sent.filter { $0.milliseconds == 5 }.count == 50)
    run(&probing, until: at(395))
    #expect(probing.isOver)
  }

  @Test func `what has not begun hears nothing and probes for nothing`() {
    var probing = AddressProbing()
    #expect(probing.deadline == nil && probing.takeDue(by: at(0)).isEmpty)
    let isNews = probing.heard(claim(Self.a))
    #expect(!isNews && !probing.isUnderWay && probing.outcome == .open)
    #expect(probing.obstacle(1) == nil)
  }

  @Test func `an answer is news once, and only for what was probed for`() {
    var probing = begun([Self.a, Self.b])
    #expect(!probing.isNews(claim(Self.c)) && !probing.isNews(claim(Self.a, .probe)))
    for (address, isNews) in [(Self.c, false), (Self.a, true), (Self.a, false), (Self.b, true)] {
      let answer = probing.heard(claim(address))
      #expect(answer == isNews)
    }
    #expect(probing.outcome == .taken(by: holder), "the first is told")
  }

  @Test func `answers are bounded`() {
    let addresses = (0..<40).map { IPAddress.v4(IPv4Address(rawValue: 0xC612_0000 + $0)) }
    var probing = begun(addresses)
    var count = 0
    for address in addresses where probing.heard(claim(address)) { count += 1 }
    #expect(count == AddressProbing.answersMax)
  }

  @Test func `lists of others are not collected`() {
    var probing = begun([Self.a])
    for number in 0..<1000 {
      probing.heardGroup(listing: .v4(IPv4Address(rawValue: 0xC613_0000 + UInt32(number))))
    }
    #expect(probing.listed.isEmpty)
    probing.heardGroup(listing: Self.a)
    #expect(probing.listed == [Self.a])
  }

  @Test func `the group's Active may have what it lists`() {
    var probing = begun([Self.a, Self.b])
    _ = probing.heard(claim(Self.a))
    probing.heardGroup(listing: Self.a)
    run(&probing, until: at(400))
    #expect(judge(&probing, at: 400, mustDecide: true) == .free)
  }

  @Test func `a group with the same addresses ends it at once`() {
    var probing = begun()
    _ = probing.heard(claim(Self.a))
    #expect(judge(&probing, at: 10, groupHasSame: true) == .free)
  }

  @Test func `an answer of an unknown machine waits for the moment of decision`() {
    var probing = begun()
    _ = probing.heard(claim(Self.a))
    run(&probing, until: at(400))
    #expect(judge(&probing, at: 400) == .taken(by: holder))
    #expect(judge(&probing, at: 20_000) == .taken(by: holder))
    #expect(
      probing.obstacle(1)?.hasSuffix("waiting to hear whether that is the group's Active") == true)
    #expect(probing.refusal == nil)
  }

  @Test func `answers are believed when they outlive a dead peer's`() {
    var probing = begun()
    var now = 0
    var verdict = AddressProbing.Verdict.open
    var count = 0
    while verdict == .open, now < 60_000 {
      _ = probing.heard(claim(Self.a))
      count += run(&probing, until: at(now + 400)).count
      now += 400
      verdict = judge(&probing, at: now, patience: .seconds(8), mustDecide: true)
    }
    #expect(now == 8000 && count == 60, "probed again and again meanwhile")
    let refusal = AddressProbing.Refusal(holder: holder, isGroupHeard: false)
    #expect(verdict == .refused(refusal) && probing.refusal == refusal)
    #expect(!probing.isUnderWay && probing.deadline == nil)
    #expect(probing.outcome == .refused(refusal))
    // Without patience it is five seconds.
    var impatient = begun()
    _ = impatient.heard(claim(Self.a))
    run(&impatient, until: at(400))
    #expect(judge(&impatient, at: 4999, mustDecide: true) == .open)
    run(&impatient, until: at(6000))
    _ = impatient.heard(claim(Self.a))
    #expect(judge(&impatient, at: 6000, mustDecide: true) == .refused(refusal))
  }

  @Test func `answers that stop were a dead peer's`() {
    var probing = begun()
    _ = probing.heard(claim(Self.a))
    run(&probing, until: at(400))
    #expect(judge(&probing, at: 400, mustDecide: true) == .open)
    run(&probing, until: at(800))
    #expect(judge(&probing, at: 800, mustDecide: true) == .free)
  }

  @Test func `what the group does not list is refused without waiting for the takeover`() {
    var probing = begun([Self.a, Self.b])
    probing.heardGroup(listing: Self.b)
    _ = probing.heard(claim(Self.b))
    _ = probing.heard(claim(Self.a))
    run(&probing, until: at(400))
    #expect(judge(&probing, at: 400) == .open, "probed again")
    _ = probing.heard(claim(Self.a))
    run(&probing, until: at(5000))
    let refusal = AddressProbing.Refusal(holder: holder, isGroupHeard: true)
    #expect(judge(&probing, at: 5000) == .refused(refusal))
    #expect(refusal.text(7).contains("which is not the Active of VRID 7"))
  }

  @Test func `a refusal stays while it is probed again`() {
    var probing = begun()
    _ = probing.heard(claim(Self.a))
    run(&probing, until: at(400))
    _ = judge(&probing, at: 400, mustDecide: true)
    _ = probing.heard(claim(Self.a))
    run(&probing, until: at(6000))
    _ = judge(&probing, at: 6000, mustDecide: true)
    let refusal = probing.refusal
    #expect(refusal == AddressProbing.Refusal(holder: holder, isGroupHeard: false))
    probing.begin(for: [Self.a], at: at(36_000))
    #expect(probing.refusal == refusal && probing.isUnderWay)
    #expect(probing.obstacle(1) == refusal?.text(1))
    run(&probing, until: at(36_400))
    #expect(judge(&probing, at: 36_400, mustDecide: true) == .free)
  }

  @Test func `a new address among them is probed for from the start`() {
    var probing = begun([Self.a])
    run(&probing, until: at(200))
    _ = probing.heard(claim(Self.a))
    probing.change(to: [Self.a, Self.b], at: at(250))
    let sent = run(&probing, until: at(2000))
    #expect(sent.filter { $0.address == Self.b }.map(\.milliseconds) == [250, 350, 450])
    #expect(probing.isOver)
    #expect(judge(&probing, at: 2000) == .taken(by: holder), "what is known of the others stays")
  }

  @Test func `an address that is taken away is of no interest any more`() {
    var probing = begun([Self.a, Self.b])
    run(&probing, until: at(0))
    _ = probing.heard(claim(Self.a))
    probing.heardGroup(listing: Self.a)
    probing.change(to: [Self.b], at: at(50))
    let sent = run(&probing, until: at(1000))
    #expect(sent.map(\.address) == [Self.b, Self.b], "nothing begins again for that")
    #expect(probing.isOver && probing.outcome == .free && probing.listed.isEmpty)
  }

  @Test func `what this node had until now is not probed for, also after a stop`() {
    var probing = AddressProbing()
    probing.omit([Self.a])
    let isUnderWay = probing.start(for: [Self.a, Self.b], isHolding: false, at: Self.start)
    #expect(isUnderWay)
    let first = run(&probing, until: at(100))
    #expect(first.map(\.address) == [Self.b, Self.b])
    #expect(!probing.isNews(claim(Self.a)) && probing.isNews(claim(Self.b)))
    probing.change(to: [Self.a, Self.b, Self.c], at: at(150))
    let sent = run(&probing, until: at(2000)).map(\.address)
    #expect(!sent.contains(Self.a) && sent.contains(Self.c))
    probing.stop()
    let again = probing.start(for: [Self.a, Self.b], isHolding: false, at: at(3000))
    let repeated = run(&probing, until: at(4000)).map(\.address)
    #expect(again && repeated == [Self.b, Self.b, Self.b])
  }

  @Test func `a router that knows or uses all of its addresses probes for none`() {
    var known = AddressProbing()
    known.omit([Self.a])
    known.omit([Self.b])
    let isProbed = known.start(for: [Self.a, Self.b], isHolding: false, at: Self.start)
    #expect(!isProbed && known.hasEnded && known.deadline == nil)
    var used = AddressProbing()
    let isUsedProbed = used.start(for: [Self.a], isHolding: true, at: Self.start)
    #expect(!isUsedProbed && used.hasEnded)
    // One that has ended does not begin again.
    let begins = used.start(for: [Self.c], isHolding: false, at: at(1000))
    #expect(!begins && used.hasEnded)
  }

  @Test func `a stop keeps nothing but the refusal`() {
    var probing = begun()
    _ = probing.heard(claim(Self.a))
    probing.stop()
    #expect(probing.deadline == nil && !probing.isUnderWay)
    probing.begin(for: [Self.a], at: at(1000))
    run(&probing, until: at(1400))
    #expect(probing.outcome == .free)
  }
}
