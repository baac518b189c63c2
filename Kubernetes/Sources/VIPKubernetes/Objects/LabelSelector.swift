/// Chooses objects by their labels, as everywhere in Kubernetes; an empty one chooses all.
public struct LabelSelector: Sendable, Hashable, Codable {
  /// Labels that must have exactly these values.
  public var matchLabels: [String: String]
  /// What else must be so.
  public var matchExpressions: [Requirement]

  /// What a label must be like.
  public struct Requirement: Sendable, Hashable, Codable {
    /// The label.
    public var key: String
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`; with any other one nothing is chosen.
    public var `operator`: String
    /// The values that `In` and `NotIn` compare with.
    public var values: [String]

    /// Makes a requirement.
    public init(key: String, operator: String, values: [String] = []) {
      self.key = key
      self.operator = `operator`
      self.values = values
    }

    private enum CodingKeys: String, CodingKey { case key, `operator`, values }

    /// Reads a requirement.
    public init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      key = try container.decode(String.self, forKey: .key)
      `operator` = try container.decode(String.self, forKey: .operator)
      values = try container.list(.values, atMost: 1000)
    }

    func matches(_ labels: [String: String]) -> Bool {
      switch `operator` {
      case "In": labels[key].map(values.contains) ?? false
      case "NotIn": labels[key].map { !values.contains($0) } ?? true
      case "Exists": labels[key] != nil
      case "DoesNotExist": labels[key] == nil
      default: false
      }
    }
  }

  /// Makes a selector.
  public init(matchLabels: [String: String] = [:], matchExpressions: [Requirement] = []) {
    self.matchLabels = matchLabels
    self.matchExpressions = matchExpressions
  }

  private enum CodingKeys: String, CodingKey { case matchLabels, matchExpressions }

  /// Reads a selector.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    matchLabels = try container.decodeIfPresent([String: String].self, forKey: .matchLabels) ?? [:]
    matchExpressions = try container.list(.matchExpressions, atMost: 1000)
  }

  /// Whether it chooses an object with these labels.
  public func matches(_ labels: [String: String]) -> Bool {
    matchLabels.allSatisfy { labels[$0.key] == $0.value }
      && matchExpressions.allSatisfy { $0.matches(labels) }
  }
}
