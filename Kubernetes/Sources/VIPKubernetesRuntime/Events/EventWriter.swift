import KubernetesClient
import Synchronization
import VIPKubernetes

/// Tells people what a part of the program has to tell, beside all else that it does.
final class EventWriter: Sendable {
  private let sender: EventSender
  private let book: Mutex<EventBook>
  private let bell = Bell()
  /// The right to write; `nil` if there is no end to it.
  private let leadership: Leadership?

  /// The time for a write.
  private static let timeout: Duration = .seconds(10)

  /// Makes a writer for a part of the program: so many events at once, and then so many a second.
  init(
    _ client: KubernetesClient, controller: String, instance: String, rate: Double, burst: Int,
    leadership: Leadership? = nil
  ) {
    sender = EventSender(client: client, controller: controller, instance: instance)
    book = Mutex(EventBook(rate: rate, burst: burst))
    self.leadership = leadership
  }

  /// Makes the writer of a speaker.
  ///
  /// It makes fewer at once than a client may: acknowledgements come first.
  convenience init(_ client: KubernetesClient, instance: String) {
    self.init(client, controller: "vipctl.io/speaker", instance: instance, rate: 1, burst: 20)
  }

  /// Takes an event; there is no uid of an object that is not known.
  func tell(_ event: Event, uid: String?) {
    let now = sender.client.clock.now
    let told = EventBook.Told(event: event, uid: uid)
    let name = sender.name(of: event)
    book.withLock { $0.add(told, named: name, at: now) }
    bell.ring()
  }

  /// Writes until the task is cancelled, or the right to write has ended.
  func run() async {
    let clock = sender.client.clock
    while !Task.isCancelled, leadership?.isValid ?? true {
      let now = clock.now
      switch book.withLock({ $0.next(at: now) }) {
      case .nothing: await bell.wait(until: nil, by: clock)
      case .wait(let end): await bell.wait(until: end, by: clock)
      case .write(let entry):
        do throws(APIError) {
          try await sender.send(
            entry,
            options: RequestOptions(
              timeout: Self.timeout, deadline: leadership?.end, repetition: .never))
        } catch {
          // An event is no state; the conditions say the same.
          book.withLock { $0.failed(entry) }
        }
      }
    }
  }
}
