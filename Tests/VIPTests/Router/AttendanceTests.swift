import Testing
import VIPCore
import VRRP

@testable import VIP

/// Whether a router takes part, as a value.
@Suite struct AttendanceTests {
  private static let down = WaitingReason.interface(InterfaceFault(.down, of: "eth0"))
  private static let tracked = WaitingReason.tracked(InterfaceFault(.noCarrier, of: "eth1"))

  private func at(_ seconds: Int) -> Instant { Instant.zero + .seconds(seconds) }

  @Test func `it waits from the beginning, until it takes part`() {
    var attendance = Attendance(at: at(1))
    #expect(attendance.obstacle == .notStarted && attendance.since == at(1))
    attendance.run()
    #expect(attendance.isRunning && attendance.obstacle == nil)
    attendance.changedState(because: .startup, at: at(2))
    #expect(attendance.since == at(2) && attendance.reason == .transition(.startup))
  }

  @Test func `what it waits for is its reason, whatever its election does on the way out`() {
    var attendance = Attendance(at: at(1))
    attendance.run()
    let isNews = [
      attendance.wait(for: Self.down, handsOver: false, at: at(2)),
      attendance.wait(for: Self.down, handsOver: false, at: at(3)),
    ]
    #expect(isNews == [true, false])
    attendance.changedState(because: .shutdown, at: at(2))
    #expect(attendance.reason == .waiting(Self.down) && attendance.since == at(2))
    let isOther = attendance.wait(for: Self.tracked, handsOver: true, at: at(4))
    #expect(isOther && attendance.reason == .waiting(Self.tracked) && attendance.since == at(4))
  }

  @Test func `it can hand over where its interface serves, and when it leaves`() {
    var attendance = Attendance(at: at(1))
    _ = attendance.wait(for: Self.down, handsOver: false, at: at(2))
    #expect(!attendance.canHandOver)
    _ = attendance.wait(for: Self.tracked, handsOver: true, at: at(3))
    #expect(attendance.canHandOver)
    attendance.run()
    #expect(!attendance.canHandOver)
    attendance.leave()
    #expect(attendance.canHandOver && attendance.isLeaving && attendance.obstacle == nil)
    attendance.changedState(because: .shutdown, at: at(5))
    #expect(attendance.reason == .transition(.shutdown))
  }

  @Test func `a retry ends with every change`() {
    for change in [
      { _ = $0.wait(for: Self.tracked, handsOver: true, at: .zero) }, { $0.run() },
      { $0.leave() }, { $0.forgetRetry() },
    ] as [(inout Attendance) -> Void] {
      var attendance = Attendance(at: at(1))
      _ = attendance.wait(for: Self.down, handsOver: false, at: at(1))
      attendance.retry(at: at(9))
      #expect(attendance.retryAt == at(9))
      change(&attendance)
      #expect(attendance.retryAt == nil)
    }
  }
}
