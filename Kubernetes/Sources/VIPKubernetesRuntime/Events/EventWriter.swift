import KubernetesClient
import Synchronization
import VIPKubernetes

/// Tells people what a speaker has to tell, beside all else that it does.
final class EventWriter: Sendable {
  private let sender: EventSender
  // Fewer than the requests that a client makes at once: acknowledgements come first.
  private let book = Mutex(EventBook(rate: 1, burst: 20))
  private let bell = Bell()

  /// The time for a write.
  private static let timeout: Duration = .seconds(10)

  init(_ client: KubernetesClient, instance: String) {
    sender = EventSender(
      client: client, controller: "vipctl.io/speaker", instance: instance)
  }

  /// Takes an event.
  func tell(_ event: Event, uid: String) {
    let now = sender.client.clock.now
    let told = EventBook.Told(event: event, uid: uid)
    let name = sender.name(of: event)
    book.withLock { $0.add(told, named: name, at: now) }
    bell.ring()
  }

  /// Writes until the task is cancelled.
  func run() async {
    let clock = sender.client.clock
    while !Task.isCancelled {
      let now = clock.now
      switch book.withLock({ $0.next(at: now) }) {
      case .nothing: await bell.wait(until: nil, by: clock)
      case .wait(let end): await bell.wait(until: end, by: clock)
      case .write(let entry):
        do throws(APIError) {
          try await sender.send(
            entry, options: RequestOptions(timeout: Self.timeout, repetition: .never))
        } catch {
          book.withLock { $0.failed(entry) }
        }
      }
    }
  }
}
