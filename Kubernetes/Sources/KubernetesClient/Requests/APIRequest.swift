import NIOHTTP1

/// A request to the API server.
struct APIRequest: Sendable {
  var method: HTTPMethod
  var path: String
  var query: [(String, String)] = []
  var contentType = "application/json"
  var body: [UInt8]?
  var options: RequestOptions
  /// The longest reply that is read; `nil` for that of the configuration.
  var replyByteCountMax: Int?

  /// The path with the query.
  var target: String {
    guard !query.isEmpty else { return path }
    let items = query.map { "\($0.0.percentEncoded)=\($0.1.percentEncoded)" }
    return "\(path)?\(items.joined(separator: "&"))"
  }
}

/// What one request may take, and what is done when it fails.
public struct RequestOptions: Sendable, Hashable {
  /// The time for each attempt; `nil` for that of the configuration.
  public var timeout: Duration?
  /// No attempt goes on after this time of the client's clock; `nil` for no such time.
  public var deadline: Duration?
  /// Whether it goes before all others: the bound on the rate of requests does not hold for it.
  public var isUrgent: Bool
  /// When it is made again.
  public var repetition: Repetition
  /// How often it is made again.
  public var repetitionsMax: Int

  /// Makes options; what is left out has its default.
  public init(
    timeout: Duration? = nil, deadline: Duration? = nil, isUrgent: Bool = false,
    repetition: Repetition, repetitionsMax: Int = 4
  ) {
    self.deadline = deadline
    self.timeout = timeout
    self.isUrgent = isUrgent
    self.repetition = repetition
    self.repetitionsMax = repetitionsMax
  }

  /// Options of a request that reads.
  public static let reading = RequestOptions(repetition: .always)
  /// Options of a request that writes.
  public static let writing = RequestOptions(repetition: .unlessCarriedOut)
  /// Options of a request that is made once.
  public static let once = RequestOptions(repetition: .never)
}

/// When a request that has failed is made again.
public enum Repetition: Sendable, Hashable {
  /// Never.
  case never
  /// If the server has certainly not carried it out, and may do so later.
  case unlessCarriedOut
  /// Also if that is not known: for requests that only read.
  case always

  /// Whether a request that has failed in this way is made again.
  public func covers(_ error: APIError) -> Bool {
    switch (self, error) {
    case (.never, _), (_, .cancelled), (_, .credentials), (_, .unsendable), (_, .late),
      (_, .tooLarge):
      false
    case (_, .unreachable): true
    case (_, .status(let status)) where status.code == 429 || status.code == 503: true
    case (.always, .status(let status)): status.code >= 500 && !error.isVersionTooLarge
    case (.always, _): true
    case (.unlessCarriedOut, _): false
    }
  }
}
