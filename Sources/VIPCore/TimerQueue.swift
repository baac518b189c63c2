/// Deadlines of numbered things, the earliest first: an indexed heap with four children a node.
///
/// Identifiers are small numbers that the owner hands out (an index into its own array); each has
/// at most one deadline. Those of one moment come in the order in which they were scheduled. All
/// operations take O(log n); ``earliest`` takes O(1).
public struct TimerQueue: Sendable {
  private struct Entry: Sendable {
    var deadline: Instant
    /// The number of those that were scheduled before it.
    var order: UInt64
    var id: Int

    func comes(before other: Entry) -> Bool {
      deadline < other.deadline || (deadline == other.deadline && order < other.order)
    }
  }
  private var heap: [Entry] = []
  /// The place of each identifier's entry in the heap; -1 if it has none.
  private var position: [Int] = []
  private var scheduled: UInt64 = 0

  /// Makes an empty queue with room for a number of identifiers.
  public init(capacity: Int = 0) {
    heap.reserveCapacity(capacity)
    position.reserveCapacity(capacity)
  }

  /// The next deadline.
  public var earliest: Instant? { heap.first?.deadline }

  /// The number of identifiers that have a deadline.
  public var count: Int { heap.count }

  /// The deadline of an identifier.
  public func deadline(of id: Int) -> Instant? {
    guard id < position.count, position[id] >= 0 else { return nil }
    return heap[position[id]].deadline
  }

  /// Sets the deadline of an identifier, replacing an earlier one.
  public mutating func schedule(_ id: Int, at deadline: Instant) {
    precondition(id >= 0, "identifiers count from zero")
    while position.count <= id { position.append(-1) }
    let index = position[id]
    let entry = Entry(deadline: deadline, order: scheduled, id: id)
    scheduled += 1
    if index < 0 {
      heap.append(entry)
      position[id] = heap.count - 1
      siftUp(heap.count - 1)
    } else {
      let before = heap[index].deadline
      heap[index] = entry
      if deadline < before { siftUp(index) } else { siftDown(index) }
    }
  }

  /// Sets the deadline of an identifier unless it has an earlier one.
  public mutating func schedule(_ id: Int, noLaterThan deadline: Instant) {
    if let present = self.deadline(of: id), present <= deadline { return }
    schedule(id, at: deadline)
  }

  /// Removes an identifier's deadline; nothing happens if it has none.
  public mutating func cancel(_ id: Int) {
    guard id < position.count, position[id] >= 0 else { return }
    remove(at: position[id])
  }

  /// Removes and returns the earliest entry if its deadline has come.
  public mutating func popDue(by now: Instant) -> (id: Int, deadline: Instant)? {
    guard let first = heap.first, first.deadline <= now else { return nil }
    remove(at: 0)
    return (first.id, first.deadline)
  }

  private mutating func remove(at index: Int) {
    position[heap[index].id] = -1
    let last = heap.removeLast()
    guard index < heap.count else { return }
    heap[index] = last
    position[last.id] = index
    siftUp(index)
    siftDown(position[last.id])
  }

  private mutating func siftUp(_ start: Int) {
    let entry = heap[start]
    var index = start
    while index > 0 {
      let parent = (index - 1) / 4
      guard entry.comes(before: heap[parent]) else { break }
      place(heap[parent], at: index)
      index = parent
    }
    place(entry, at: index)
  }

  private mutating func siftDown(_ start: Int) {
    let entry = heap[start]
    var index = start
    while true {
      let firstChild = index * 4 + 1
      guard firstChild < heap.count else { break }
      var least = firstChild
      for child in firstChild..<min(firstChild + 4, heap.count)
      where heap[child].comes(before: heap[least]) {
        least = child
      }
      guard heap[least].comes(before: entry) else { break }
      place(heap[least], at: index)
      index = least
    }
    place(entry, at: index)
  }

  private mutating func place(_ entry: Entry, at index: Int) {
    heap[index] = entry
    position[entry.id] = index
  }
}
