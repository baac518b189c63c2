/// Why a request to the API server has no result.
public enum APIError: Error, Sendable, Hashable {
  /// The server has refused it, or could not do it.
  case status(APIStatus)
  /// There was no connection: the server has seen nothing of the request.
  case unreachable(String)
  /// The connection ended before the whole reply was there: whether the request has been carried
  /// out is not known.
  case broken(String)
  /// The time for it was over: whether the request has been carried out is not known.
  case timeout(after: Duration)
  /// It was too late for the request, which has not been sent.
  case late
  /// A watch on which nothing has come for a time, not even a bookmark.
  case silent(for: Duration)
  /// The reply is longer than what is read.
  case tooLarge(byteCountMax: Int)
  /// The reply is not what the API has there.
  case unreadable(String)
  /// The token or the certificates can't be read.
  case credentials(String)
  /// The request can't be made.
  case unsendable(String)
  /// The task has been cancelled.
  case cancelled
}

extension APIError {
  /// What the server has said, if it has said anything.
  public var status: APIStatus? {
    if case .status(let status) = self { status } else { nil }
  }

  /// Whether there is no such object.
  public var isNotFound: Bool { status?.code == 404 }

  /// Whether the object is another one than the request was based on.
  ///
  /// The server says 409 to a version or a uid that is not the object's, and 422 to a JSON patch of
  /// which a test has failed.
  public var isConflict: Bool {
    guard let status else { return false }
    return status.code == 409 && status.reason != "AlreadyExists"
      || status.code == 422 && status.isUnfitPatch
  }

  /// Whether there is an object of that name already.
  public var isAlreadyExists: Bool { status?.code == 409 && status?.reason == "AlreadyExists" }

  /// Whether a version, or the rest of a list, is too old for the server to go on from it.
  public var isExpired: Bool {
    status.map { $0.code == 410 || $0.reason == "Expired" || $0.reason == "Gone" } ?? false
  }

  /// Whether the server does not have a version yet that it has had before, as after a restored
  /// backup.
  public var isVersionTooLarge: Bool {
    guard let status, status.code == 504 else { return false }
    return status.causes.contains("ResourceVersionTooLarge")
      || status.message.contains("Too large resource version")
  }

  /// Whether the request may have been carried out all the same.
  public var isAmbiguous: Bool {
    switch self {
    case .broken, .timeout, .silent, .tooLarge, .unreadable, .cancelled: true
    case .status(let status): status.code >= 500 && status.code != 503
    case .unreachable, .late, .credentials, .unsendable: false
    }
  }
}

extension APIError: CustomStringConvertible {
  /// One line for logs.
  public var description: String {
    switch self {
    case .status(let status): status.description
    case .unreachable(let why): "the API server can't be reached: \(why)"
    case .broken(let why): "the connection to the API server broke: \(why)"
    case .timeout(let limit): "the API server has not answered within \(limit)"
    case .late: "it is too late for the request"
    case .silent(let limit): "the API server has sent nothing for \(limit)"
    case .tooLarge(let limit): "the API server's reply has more than \(limit) bytes"
    case .unreadable(let why): "the API server's reply can't be read: \(why)"
    case .credentials(let why): "credentials can't be used: \(why)"
    case .unsendable(let why): "the request can't be made: \(why)"
    case .cancelled: "cancelled"
    }
  }
}

/// What the API server says about a request that it has not carried out.
public struct APIStatus: Sendable, Hashable {
  /// The HTTP status code.
  public var code: Int
  /// One word for why, such as `Conflict`; empty if the server has said none.
  public var reason: String
  /// A sentence for people.
  public var message: String
  /// How long the server wants to be left alone.
  public var retryAfter: Duration?
  /// One word for each detail.
  public var causes: [String]

  /// The longest message that is kept.
  static let messageByteCountMax = 1000

  private static let wordLengthMax = 100

  /// Makes a status.
  public init(
    code: Int, reason: String = "", message: String = "", retryAfter: Duration? = nil,
    causes: [String] = []
  ) {
    self.code = code
    self.reason = String(reason.prefix(Self.wordLengthMax))
    self.message = String(message.prefix(Self.messageByteCountMax))
    self.retryAfter = retryAfter
    self.causes = causes.map { String($0.prefix(Self.wordLengthMax)) }
  }

  /// Whether a JSON patch does not fit the object, as when a `test` in it does not hold.
  ///
  /// The server has no reason of its own for that, but other words than for an invalid object.
  var isUnfitPatch: Bool { message.contains("due to an error in our request") }
}

extension APIStatus: CustomStringConvertible {
  /// One line for logs.
  public var description: String {
    let word = reason.isEmpty ? "" : " \(reason)"
    return "the API server says \(code)\(word)\(message.isEmpty ? "" : ": \(message)")"
  }
}

extension APIStatus: Decodable {
  private enum CodingKeys: String, CodingKey { case code, reason, message, details }
  private enum DetailKeys: String, CodingKey { case retryAfterSeconds, causes }
  private struct Cause: Decodable { var reason: String? }

  /// Reads the API's `Status`; what is missing or of another type is left out.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let details = try? container.nestedContainer(keyedBy: DetailKeys.self, forKey: .details)
    let seconds = try? details?.decodeIfPresent(Int.self, forKey: .retryAfterSeconds)
    let causes = try? details?.decodeIfPresent([Cause].self, forKey: .causes)
    self.init(
      code: (try? container.decodeIfPresent(Int.self, forKey: .code)) ?? 0,
      reason: (try? container.decodeIfPresent(String.self, forKey: .reason)) ?? "",
      message: (try? container.decodeIfPresent(String.self, forKey: .message)) ?? "",
      retryAfter: seconds.flatMap { Self.delay(seconds: $0) },
      causes: (causes ?? []).prefix(16).compactMap(\.reason))
  }

  /// A delay as a server may ask for it; nothing for none at all, a day for more than that.
  static func delay(seconds: Int) -> Duration? {
    seconds > 0 ? .seconds(min(seconds, 86_400)) : nil
  }
}
