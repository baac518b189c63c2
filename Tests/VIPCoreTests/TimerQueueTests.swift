import TestSupport
import Testing
import VIPCore

@Suite struct TimerQueueTests {
  @Test func popsInOrderAndOnlyWhatIsDue() {
    var queue = TimerQueue(capacity: 3)
    #expect(queue.earliest == nil && queue.popDue(by: Instant(nanoseconds: .max)) == nil)
    queue.schedule(2, at: Instant(nanoseconds: 30))
    queue.schedule(0, at: Instant(nanoseconds: 10))
    queue.schedule(1, at: Instant(nanoseconds: 20))
    #expect(queue.count == 3 && queue.earliest == Instant(nanoseconds: 10))
    #expect(queue.popDue(by: Instant(nanoseconds: 9)) == nil)
    #expect(queue.popDue(by: Instant(nanoseconds: 10))?.id == 0)
    #expect(queue.popDue(by: Instant(nanoseconds: 10)) == nil)
    #expect(queue.popDue(by: Instant(nanoseconds: 99))?.id == 1)
    #expect(queue.popDue(by: Instant(nanoseconds: 99))?.deadline == Instant(nanoseconds: 30))
    #expect(queue.count == 0 && queue.earliest == nil)
  }

  @Test func reschedulesAndCancels() {
    var queue = TimerQueue()
    queue.schedule(5, at: Instant(nanoseconds: 50))
    queue.schedule(5, at: Instant(nanoseconds: 40))
    #expect(queue.count == 1 && queue.deadline(of: 5) == Instant(nanoseconds: 40))
    queue.schedule(5, at: Instant(nanoseconds: 60))
    #expect(queue.deadline(of: 5) == Instant(nanoseconds: 60))
    queue.cancel(5)
    queue.cancel(5)
    queue.cancel(1000)
    #expect(queue.count == 0 && queue.deadline(of: 5) == nil && queue.deadline(of: 1000) == nil)
  }

  @Test func aDeadlineNoLaterThanAnotherOnlyMovesForward() {
    var queue = TimerQueue()
    queue.schedule(3, noLaterThan: Instant(nanoseconds: 50))
    queue.schedule(3, noLaterThan: Instant(nanoseconds: 60))
    #expect(queue.count == 1 && queue.deadline(of: 3) == Instant(nanoseconds: 50))
    queue.schedule(3, noLaterThan: Instant(nanoseconds: 40))
    #expect(queue.deadline(of: 3) == Instant(nanoseconds: 40))
  }

  @Test func timersOfOneMomentComeInTheOrderInWhichTheyWereScheduled() {
    var queue = TimerQueue()
    let ids = (0..<100).map { $0 * 37 % 100 }
    for id in ids { queue.schedule(id, at: Instant(nanoseconds: 9)) }
    // Scheduled again, it goes to the end.
    queue.schedule(ids[0], at: Instant(nanoseconds: 9))
    queue.schedule(200, at: Instant(nanoseconds: 8))
    let popped = (0...100).compactMap { _ in queue.popDue(by: Instant(nanoseconds: 9))?.id }
    #expect(popped == [200] + ids.dropFirst() + [ids[0]])
  }

  /// The same random operations on the heap and on a dictionary that is searched each time.
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func agreesWithANaiveModel(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var queue = TimerQueue()
    var model: [Int: Instant] = [:]
    var order: [Int: Int] = [:]
    for step in 0..<5000 {
      let id = Int(random.next() % 64)
      // Few different deadlines, so that equal ones are common.
      let moment = Instant(nanoseconds: random.next() % 100)
      switch random.next() % 8 {
      case 0...3:
        queue.schedule(id, at: moment)
        model[id] = moment
        order[id] = step
      case 4:
        queue.cancel(id)
        model[id] = nil
      default:
        let due = queue.popDue(by: moment)
        let least = model.values.min()
        #expect(due?.deadline == least.flatMap { $0 <= moment ? $0 : nil })
        if let due {
          #expect(model[due.id] == due.deadline)
          let equals = model.filter { $0.value == due.deadline }.keys
          #expect(due.id == equals.min { order[$0, default: 0] < order[$1, default: 0] })
          model[due.id] = nil
        }
      }
      #expect(queue.count == model.count && queue.earliest == model.values.min())
      #expect(queue.deadline(of: id) == model[id])
    }
    var last = Instant.zero
    while let due = queue.popDue(by: Instant(nanoseconds: .max)) {
      #expect(due.deadline >= last && model.removeValue(forKey: due.id) == due.deadline)
      last = due.deadline
    }
    #expect(model.isEmpty)
  }
}
