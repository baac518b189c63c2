import KubernetesClient
import Testing
import VIPKubernetes

@testable import VIPKubernetesRuntime

/// Which speakers are taken for silent.
@Suite struct SpeakerRegisterTests {
  private var register = SpeakerRegister()

  private mutating func begin(_ nodes: String..., renewed: String = "0", at now: Duration = .zero) {
    register.begin(with: nodes.map { ($0, renewed) }, at: now)
  }

  /// Has speakers renew their Leases every 20 s from a time on; what is news.
  private mutating func beat(_ nodes: String..., from start: Int = 20, count: Int) -> [Observation]
  {
    var news: [Observation] = []
    for turn in 0..<count {
      let second = start + 20 * turn
      for node in nodes {
        news += register.take(node, renewed: "\(second)", at: .seconds(second))
      }
    }
    return news
  }

  @Test mutating func `a speaker that no longer renews its Lease is silent`() {
    begin("a", "b", "c")
    #expect(beat("a", "b", count: 3) == [])
    #expect(beat("a", "b", from: 80, count: 1) == [.speaker("c", .silent)])
    #expect(beat("a", "b", from: 100, count: 10) == [])
    #expect(register.lives == ["a": .alive, "b": .alive, "c": .silent])
    #expect(register.silentCount == 1)
    #expect(register.take("c", renewed: "300", at: .seconds(300)) == [.speaker("c", .alive)])
  }

  @Test mutating func `when all are silent it is this program that does not hear`() {
    begin("a", "b", "c")
    #expect(beat("a", "b", "c", count: 1) == [])
    // For an hour nothing comes; then one after the other.
    for node in ["a", "b", "c"] {
      let news = register.take(node, renewed: "3600", at: .seconds(3600))
      #expect(news == [])
    }
    #expect(beat("a", "b", "c", from: 3620, count: 5) == [])
  }

  @Test mutating func `news that are read late make none silent`() {
    begin("a", "b")
    // All that has come in five minutes is read at once, in its order.
    for turn in 1...15 {
      for node in ["a", "b"] {
        let news = register.take(node, renewed: "\(turn)", at: .seconds(300))
        #expect(news == [])
      }
    }
  }

  @Test mutating func `a speaker that begins again and again makes no other silent`() {
    begin("a", "b")
    for turn in 0..<50 {
      let news = register.take("a", renewed: "\(turn + 1)", at: .seconds(turn))
      #expect(news == [])
    }
    let late = register.take("a", renewed: "late", at: .seconds(60))
    #expect(late == [.speaker("b", .silent)])
  }

  @Test mutating func `a single speaker is never silent`() {
    begin("a")
    #expect(beat("a", from: 1000, count: 5) == [])
    #expect(register.lives == ["a": .alive])
  }

  @Test mutating func `a change that renews nothing is no sign of life`() {
    begin("a", "b")
    for second in stride(from: 20, through: 60, by: 20) {
      #expect(beat("a", from: second, count: 1) == [])
      let news = register.take("b", renewed: "0", at: .seconds(second))
      #expect(news == [])
    }
    #expect(beat("a", from: 80, count: 1) == [.speaker("b", .silent)])
  }

  @Test mutating func `a node with an entry whose Lease is gone is silent after the same time`() {
    #expect(register.setEntered(["a", "b"], at: .zero) == [])
    begin("a", "b")
    #expect(register.remove("b", at: .seconds(10)) == [.speakerGone("b")])
    #expect(beat("a", count: 3) == [])
    #expect(register.lives == ["a": .alive])
    #expect(beat("a", from: 80, count: 1) == [.speaker("b", .silent)])
    // It comes back, or takes its entry away.
    #expect(register.take("b", renewed: "90", at: .seconds(90)) == [.speaker("b", .alive)])
    _ = register.remove("b", at: .seconds(100))
    #expect(beat("a", from: 100, count: 6) == [.speaker("b", .silent)])
    #expect(register.setEntered(["a"], at: .seconds(300)) == [.speakerGone("b")])
    #expect(register.lives == ["a": .alive])
  }

  @Test mutating func `a node with an entry that never had a Lease is silent, too`() {
    begin("a")
    #expect(register.setEntered(["a", "c"], at: .seconds(5)) == [])
    #expect(beat("a", count: 3) == [])
    #expect(beat("a", from: 80, count: 1) == [.speaker("c", .silent)])
    // In whichever order they are listed, and after a new list, too.
    register.begin(with: [("a", "80")], at: .seconds(90))
    #expect(register.lives == ["a": .alive, "c": .silent])
    #expect(beat("a", from: 100, count: 4) == [])
    let news = register.take("c", renewed: "200", at: .seconds(200))
    #expect(news == [.speaker("c", .alive)])
    #expect(register.setEntered([], at: .seconds(200)) == [])
    #expect(register.lives["c"] == .alive)
  }

  @Test mutating func `a node that enters itself before its Lease is heard of is told once it is`()
  {
    begin("a")
    _ = register.setEntered(["b"], at: .seconds(5))
    #expect(register.lives == ["a": .alive])
    #expect(register.take("b", renewed: "6", at: .seconds(6)) == [.speaker("b", .alive)])
    #expect(register.take("b", renewed: "26", at: .seconds(26)) == [])
  }

  @Test mutating func `a new list keeps what is known of those that are as they were`() {
    begin("a", "b", "c")
    _ = beat("a", "b", count: 2)
    register.begin(
      with: [("a", "60"), ("b", "60"), ("c", "0")], at: .seconds(60))
    #expect(beat("a", "b", from: 80, count: 1) == [.speaker("c", .silent)])
    register.begin(with: [("a", "80"), ("c", "0")], at: .seconds(90))
    #expect(register.lives == ["a": .alive, "c": .silent])
    #expect(register.remove("c", at: .seconds(90)) == [.speakerGone("c")])
    #expect(register.remove("c", at: .seconds(90)) == [])
  }
}
