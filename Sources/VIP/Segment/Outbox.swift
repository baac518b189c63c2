/// The advertisements of one turn, until they are sent.
///
/// Those that leave by a socket are in the batch of their segment already, which is remembered
/// here; those that leave as frames are here themselves.
struct Outbox {
  typealias Frame = (instance: RouterInstance, bytes: [UInt8])

  private var segments: [Segment] = []
  private var frames: [Frame] = []
  /// The routers whose farewells are among them.
  private var farewells: [RouterInstance] = []

  /// Remembers that a segment has messages in its batch.
  mutating func add(_ segment: Segment) {
    if !segments.contains(where: { $0 === segment }) { segments.append(segment) }
  }

  /// Adds a frame of a router with a virtual MAC address.
  mutating func add(_ frame: [UInt8], of instance: RouterInstance) {
    frames.append((instance, frame))
  }

  /// Remembers that a router says farewell.
  mutating func addFarewell(of instance: RouterInstance) { farewells.append(instance) }

  /// The routers that have said farewell since this was last asked.
  mutating func takeFarewells() -> [RouterInstance] {
    guard !farewells.isEmpty else { return [] }
    defer { farewells = [] }
    return farewells
  }

  /// Hands out each segment with messages, and forgets it.
  mutating func takeSegments(_ body: (Segment) -> Void) {
    for segment in segments { body(segment) }
    segments.removeAll(keepingCapacity: true)
  }

  /// Hands out all frames at once, and forgets them; nothing happens if there are none.
  mutating func takeFrames(_ body: ([Frame]) -> Void) {
    guard !frames.isEmpty else { return }
    body(frames)
    frames.removeAll(keepingCapacity: true)
  }
}
