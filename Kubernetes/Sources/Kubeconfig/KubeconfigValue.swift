import Yams

/// A value of a kubeconfig file: of bounded depth and number, whatever the file has.
enum KubeconfigValue: Sendable {
  case scalar(String, isQuoted: Bool)
  case list([KubeconfigValue])
  case mapping([String: KubeconfigValue])

  private static let depthMax = 20
  private static let valueCountMax = 100_000

  /// The fields of a mapping.
  var fields: [String: KubeconfigValue]? {
    if case .mapping(let fields) = self { fields } else { nil }
  }

  /// Whether there is nothing: `key:` alone, `null`, `[]` or `{}`.
  var isEmpty: Bool {
    switch self {
    case .scalar(let text, let isQuoted):
      !isQuoted && ["", "~", "null", "Null", "NULL"].contains(text)
    case .list(let items): items.isEmpty
    case .mapping(let fields): fields.isEmpty
    }
  }

  /// Whether it says no.
  var isFalse: Bool {
    if case .scalar(let text, _) = self {
      ["false", "False", "FALSE", ""].contains(text)
    } else {
      false
    }
  }

  /// Its kind, for errors; never the value itself, which may be secret.
  var found: String {
    switch self {
    case .scalar: isEmpty ? "empty" : "one word or text"
    case .list: "a list"
    case .mapping: "a mapping"
    }
  }

  /// Reads a file.
  static func root(of source: Kubeconfig.Source) throws(KubeconfigError) -> KubeconfigValue {
    let path = source.path
    guard source.bytes.count <= Kubeconfig.byteCountMax else {
      throw KubeconfigError(
        "\(path): larger than \(Kubeconfig.byteCountMax >> 10) KiB; this is no kubeconfig file"
      )
    }
    guard let text = String(validating: source.bytes, as: UTF8.self) else {
      throw KubeconfigError("\(path): not UTF-8 text; this is no kubeconfig file")
    }
    // With aliases a few lines could stand for billions of values.
    guard !hasAnchor(text) else {
      throw KubeconfigError("\(path): anchors (&name) are not read; write the values out")
    }
    do throws(any Error) {
      let parser = try Yams.Parser(yaml: text, resolver: .basic, encoding: .utf8)
      guard let node = try parser.singleRoot() else { return .scalar("", isQuoted: false) }
      var budget = valueCountMax
      return try KubeconfigValue(node, path, depth: 0, &budget)
    } catch let error as KubeconfigError {
      throw error
    } catch let error as YamlError {
      throw KubeconfigError("\(path): not valid YAML\(place(of: error)); correct or write it anew")
    } catch {
      throw KubeconfigError("\(path): not valid YAML; correct or write it anew")
    }
  }

  private init(
    _ node: Yams.Node, _ path: String, depth: Int, _ budget: inout Int
  ) throws(KubeconfigError) {
    budget -= 1
    guard depth <= Self.depthMax, budget >= 0 else {
      throw KubeconfigError(
        "\(path): nested too deeply, or too many values; this is no kubeconfig file")
    }
    switch node {
    case .scalar(let scalar):
      self = .scalar(
        scalar.string, isQuoted: scalar.style != .plain && scalar.style != .any)
    case .sequence(let sequence):
      var items: [KubeconfigValue] = []
      for item in sequence {
        items.append(try KubeconfigValue(item, path, depth: depth + 1, &budget))
      }
      self = .list(items)
    case .mapping(let mapping):
      var fields: [String: KubeconfigValue] = [:]
      for (key, value) in mapping {
        guard case .scalar(let name) = key else {
          throw KubeconfigError("\(path): the name of a field is no word; correct it")
        }
        fields[name.string] = try KubeconfigValue(value, path, depth: depth + 1, &budget)
      }
      self = .mapping(fields)
    case .alias:
      throw KubeconfigError("\(path): aliases (*name) are not read; write the values out")
    }
  }

  /// Whether something looks like an anchor: rather one too many than one too few.
  private static func hasAnchor(_ text: String) -> Bool {
    var before: UInt8 = UInt8(ascii: "\n")
    for byte in text.utf8 {
      if byte == UInt8(ascii: "&"), before <= 0x20 || "[{,:-?!".utf8.contains(before) {
        return true
      }
      before = byte
    }
    return false
  }

  private static func place(of error: YamlError) -> String {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      " in line \(mark.line): \(problem)"
    case .duplicatedKeysInMapping(_, let context): " in line \(context.mark.line): a field twice"
    default: ""
    }
  }
}
