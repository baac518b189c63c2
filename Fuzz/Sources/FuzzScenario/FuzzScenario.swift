import Driver
import VRRP
import VRRPSimulation

@main struct Main {
  static func main() { runFuzzer(fuzz) }
}

/// Any text as a scenario: a scenario or a mistake with a place, never a trap; what is accepted
/// reads back from its own text.
private func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start else { return 0 }
  let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  do {
    let scenario = try Scenario(parsing: text)
    let again = try Scenario(parsing: scenario.description)
    precondition(
      again.statements.map(\.command) == scenario.statements.map(\.command),
      "a scenario changes on its way through text")
  } catch {
    precondition(error.line >= 1 && error.column >= 1)
  }
  return 0
}
