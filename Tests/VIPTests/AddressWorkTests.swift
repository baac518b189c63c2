import Testing

@testable import VIP

/// What waits to be done about addresses, and in which order.
@Suite struct AddressWorkTests {
  private func order(_ work: AddressWork) -> [String] {
    var work = work
    var list: [String] = []
    while let entry = work.first, list.count < 20 {
      list.append("\(entry.kind) \(entry.slot)")
      work.advanceFirst(to: nil)
    }
    return list
  }

  @Test func `takeovers come before refreshes, and those before what may never be needed`() {
    var work = AddressWork()
    #expect(work.isEmpty && work.first == nil)
    work.add(.load, 1)
    work.add(.refresh, 2)
    work.add(.refresh, 2)
    work.add(.install, 3)
    work.add(.remove, 4)
    #expect(order(work) == ["install 3", "remove 4", "refresh 2", "load 1"])
    #expect(work.isUnfinished(3) && work.isUnfinished(4))
    #expect(!work.isUnfinished(1) && !work.isUnfinished(2))
  }

  @Test func `a newer decision about a router replaces an older one`() {
    var work = AddressWork()
    work.add(.install, 1)
    work.add(.load, 2)
    work.add(.remove, 1)
    work.add(.install, 2)
    #expect(order(work) == ["remove 1", "install 2"])
  }

  @Test func `retired addresses go whatever is decided about the others`() {
    var work = AddressWork()
    work.add(.load, 1)
    work.add(.retire, 1)
    #expect(order(work) == ["retire 1", "load 1"])
    work.add(.install, 1)
    work.add(.retire, 1)
    #expect(order(work) == ["install 1", "retire 1"])
  }

  @Test func `a pass goes on where its last slice ended, or starts again`() {
    var work = AddressWork()
    work.add(.install, 1)
    work.add(.refresh, 1)
    work.advanceFirst(to: 64)
    #expect(work.first?.kind == .install && work.first?.next == 64)
    work.restart(1)
    #expect(work.first?.next == 0)
    work.advanceFirst(to: nil)
    work.advanceFirst(to: 16)
    #expect(work.first?.kind == .refresh && work.first?.next == 16)
    work.restart(2)
    #expect(work.first?.next == 16)
    work.forget(1)
    #expect(work.isEmpty)
  }
}
