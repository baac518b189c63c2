import Testing
import VIPCore

@testable import VIP

/// When a holder probes for its addresses.
@Suite struct HolderProbingTests {
  private func probed(_ count: Int, for seconds: Int) -> [(second: Int, position: Int)] {
    var probing = HolderProbing()
    probing.begin(at: .zero)
    var list: [(Int, Int)] = []
    for second in 0...seconds {
      guard let position = probing.takeDue(by: .zero + .seconds(second), count: count) else {
        continue
      }
      list.append((second, position))
    }
    return list
  }

  @Test func `a single address is probed for every ten seconds`() {
    #expect(probed(1, for: 35).map(\.second) == [10, 20, 30])
  }

  @Test func `of several each has its turn, one a second at the most`() {
    let few = probed(5, for: 30)
    #expect(few.map(\.position).prefix(6) == [0, 1, 2, 3, 4, 0])
    #expect(few.map(\.second).prefix(3) == [10, 12, 14])
    let many = probed(100, for: 130)
    #expect(many.count == 121 && many.map(\.position).prefix(100).elementsEqual(0..<100))
  }

  @Test func `a list that has become shorter begins again`() {
    var probing = HolderProbing()
    probing.begin(at: .zero)
    let positions = [3, 3, 1].enumerated().map { turn, count in
      probing.takeDue(by: .zero + .seconds(10 * (turn + 1)), count: count)
    }
    #expect(positions == [0, 1, 0])
  }

  @Test func `one that does not hold sends no probe`() {
    var probing = HolderProbing()
    probing.begin(at: .zero)
    probing.end()
    let due = probing.takeDue(by: .zero + .seconds(99), count: 1)
    #expect(due == nil && probing.deadline == nil)
  }
}
