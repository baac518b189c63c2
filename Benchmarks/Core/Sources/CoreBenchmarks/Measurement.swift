import Glibc
import CAllocations

/// What one operation costs: the best of several rounds, since noise only ever adds.
struct Measurement {
  var nanoseconds = Double.infinity
  var allocations = 0.0

  /// - Parameters:
  ///   - count: how many operations a round has.
  ///   - rounds: how often they are measured.
  ///   - body: performs the operation `count` times and returns something that depends on all of
  ///     them, so that none can be left out.
  init(count: Int, rounds: Int = 15, _ body: (Int) -> Int) {
    var sink = body(count / 10)
    let clock = ContinuousClock()
    for _ in 0..<rounds {
      let before = allocation_count()
      let time = clock.measure { sink &+= body(count) }
      let used = allocation_count() - before
      nanoseconds = min(nanoseconds, time / .nanoseconds(1) / Double(count))
      allocations = Double(used) / Double(count)
    }
    blackHole(sink)
  }
}

@inline(never)
func blackHole(_ value: Int) {
  if value == 0x5EED_5EED_5EED { print("unlikely") }
}

func fixed(_ value: Double, _ digits: Int = 1) -> String {
  var scale = 1.0
  for _ in 0..<digits { scale *= 10 }
  let rounded = (value * scale).rounded() / scale
  return "\(rounded)"
}

func row(_ name: String, _ value: String, _ target: String, _ isMet: Bool) {
  let padded = name + String(repeating: " ", count: max(46 - name.count, 1))
  let figure = String(repeating: " ", count: max(22 - value.count, 0)) + value
  print("\(padded)\(figure)   \(target)\(isMet ? "" : "   MISSED")")
}
