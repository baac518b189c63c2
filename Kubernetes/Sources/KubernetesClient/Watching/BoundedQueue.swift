import Synchronization

/// A queue between tasks, in which only so much waits: those that add to a full one wait, too.
///
/// Elements of one sender come out in their order. There is one receiver.
public final class BoundedQueue<Element: Sendable>: Sendable {
  private struct State {
    var elements: [Element] = []
    var isFinished = false
    var receiver: CheckedContinuation<Element?, Never>?
    /// Senders in the order in which they came, by number.
    var senders: [(id: UInt64, element: Element, continuation: CheckedContinuation<Bool, Never>)] =
      []
    var cancelled: Set<UInt64> = []
    var nextID: UInt64 = 0
  }

  private let capacity: Int
  private let state = Mutex(State())

  /// Makes an empty queue.
  public init(capacity: Int) {
    precondition(capacity > 0, "a queue that takes nothing")
    self.capacity = capacity
  }

  /// Whether nothing waits to be taken.
  public var isEmpty: Bool { state.withLock { $0.elements.isEmpty } }

  /// Adds an element, after waiting for room, and says whether it has been taken: not after the end
  /// of the queue, and not if the task is cancelled while it waits.
  @discardableResult
  public func send(_ element: Element) async -> Bool {
    let id = state.withLock { state in
      defer { state.nextID += 1 }
      return state.nextID
    }
    let isTaken = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        add(element, id, continuation)
      }
    } onCancel: {
      cancelSender(id)
    }
    state.withLock { _ = $0.cancelled.remove(id) }
    return isTaken
  }

  private func add(
    _ element: Element, _ id: UInt64, _ continuation: CheckedContinuation<Bool, Never>
  ) {
    let (isTaken, receiver): (Bool?, CheckedContinuation<Element?, Never>?) = state.withLock {
      state in
      if state.cancelled.remove(id) != nil || state.isFinished { return (false, nil) }
      if let receiver = state.receiver {
        state.receiver = nil
        return (true, receiver)
      }
      if state.elements.count < capacity {
        state.elements.append(element)
        return (true, nil)
      }
      state.senders.append((id, element, continuation))
      return (nil, nil)
    }
    receiver?.resume(returning: element)
    if let isTaken { continuation.resume(returning: isTaken) }
  }

  private func cancelSender(_ id: UInt64) {
    let continuation = state.withLock { state in
      guard let place = state.senders.firstIndex(where: { $0.id == id }) else {
        state.cancelled.insert(id)
        return nil as CheckedContinuation<Bool, Never>?
      }
      return state.senders.remove(at: place).continuation
    }
    continuation?.resume(returning: false)
  }

  /// Takes the next element, after waiting for one; `nil` after the end, or if the task is
  /// cancelled.
  public func next() async -> Element? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in receive(continuation) }
    } onCancel: {
      finish()
    }
  }

  private func receive(_ continuation: CheckedContinuation<Element?, Never>) {
    let (element, sender, isWaiting): (Element?, CheckedContinuation<Bool, Never>?, Bool) =
      state.withLock { state in
        guard !state.elements.isEmpty else {
          guard !state.isFinished else { return (nil, nil, false) }
          precondition(state.receiver == nil, "a queue has one receiver")
          state.receiver = continuation
          return (nil, nil, true)
        }
        let element = state.elements.removeFirst()
        guard !state.senders.isEmpty else { return (element, nil, false) }
        let sender = state.senders.removeFirst()
        state.elements.append(sender.element)
        return (element, sender.continuation, false)
      }
    sender?.resume(returning: true)
    if !isWaiting { continuation.resume(returning: element) }
  }

  /// Ends the queue: what is in it can still be taken, nothing more is added.
  public func finish() {
    let (receiver, senders) = state.withLock { state in
      state.isFinished = true
      defer {
        state.receiver = nil
        state.senders = []
      }
      return (state.receiver, state.senders)
    }
    receiver?.resume(returning: nil)
    for sender in senders { sender.continuation.resume(returning: false) }
  }
}

extension BoundedQueue: AsyncSequence {
  /// Takes one element after the other.
  public struct AsyncIterator: AsyncIteratorProtocol {
    let queue: BoundedQueue

    /// Takes the next element.
    public mutating func next() async -> Element? { await queue.next() }
  }

  /// Makes an iterator; there may be one at a time.
  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: self) }
}
