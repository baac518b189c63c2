import VIP
import VIPCore

/// The form of a request on the socket: what is a duration here is a number of seconds there.
extension ControlRequest: Codable {
  /// The keys and types of the coded form.
  private indirect enum Form: Codable {
    case up([RouterConfiguration], timeoutSeconds: Double, unready: UnreadyPolicy? = nil)
    case down([String])
    case downAll
    case status(String?)
    case add(router: String, addresses: [InterfaceAddress])
    case remove(router: String, addresses: [IPAddress])
    case reload
    case resign(router: String, seconds: Double?)
    case events(follow: Bool)
    case promote(router: String)
    case dryRun(ControlRequest)
  }

  /// Reads the form of the socket.
  ///
  /// Whatever a client sends: no number of seconds traps, and nothing takes longer than a day.
  public init(from decoder: any Decoder) throws {
    self =
      switch try Form(from: decoder) {
      case .up(let routers, let seconds, let unready):
        .up(routers, timeout: Self.duration(seconds), unready: unready ?? .refuse)
      case .down(let names): .down(names)
      case .downAll: .downAll
      case .status(let name): .status(name)
      case .add(let router, let addresses): .add(router: router, addresses: addresses)
      case .remove(let router, let addresses): .remove(router: router, addresses: addresses)
      case .reload: .reload
      case .resign(let router, let seconds):
        .resign(router: router, for: seconds.map(Self.duration))
      case .events(let follow): .events(follow: follow)
      case .promote(let router): .promote(router: router)
      case .dryRun(let request): .dryRun(request)
      }
  }

  /// Writes the form of the socket.
  public func encode(to encoder: any Encoder) throws {
    let form: Form =
      switch self {
      case .up(let routers, let timeout, let unready):
        .up(
          routers, timeoutSeconds: timeout / .seconds(1),
          unready: unready == .refuse ? nil : unready)
      case .down(let names): .down(names)
      case .downAll: .downAll
      case .status(let name): .status(name)
      case .add(let router, let addresses): .add(router: router, addresses: addresses)
      case .remove(let router, let addresses): .remove(router: router, addresses: addresses)
      case .reload: .reload
      case .resign(let router, let time):
        .resign(router: router, seconds: time.map { $0 / .seconds(1) })
      case .events(let follow): .events(follow: follow)
      case .promote(let router): .promote(router: router)
      case .dryRun(let request): .dryRun(request)
      }
    try form.encode(to: encoder)
  }

  private static func duration(_ seconds: Double) -> Duration {
    .seconds(seconds.isFinite ? min(max(seconds, 0), 86_400) : 0)
  }
}
