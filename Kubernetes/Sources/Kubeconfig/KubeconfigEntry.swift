import FoundationEssentials
import KubernetesClient

/// A mapping of a kubeconfig file, with the place where it stands.
struct KubeconfigEntry: Sendable {
  /// The path of the file.
  let path: String
  /// What it is, such as `user 'admin'`; empty for the file itself.
  let place: String
  let fields: [String: KubeconfigValue]

  /// The place for errors.
  var origin: String { place.isEmpty ? path : "\(path): \(place)" }

  /// The text of a field; `nil` if it is missing, or empty.
  func text(_ name: String) throws(KubeconfigError) -> String? {
    guard let value = fields[name], !value.isEmpty else { return nil }
    guard case .scalar(let text, _) = value else {
      throw KubeconfigError("\(origin): \(name) is no text but \(value.found)")
    }
    return text.isEmpty ? nil : text
  }

  /// Fails if it has one of some fields that would be asked for but can't be had.
  func refuse(_ unusable: [(name: String, reason: String)]) throws(KubeconfigError) {
    for (name, reason) in unusable {
      guard let value = fields[name], !value.isEmpty, !value.isFalse else { continue }
      throw KubeconfigError("\(origin): \(name) can't be used: \(reason)")
    }
  }

  /// What a field with `-data` behind its name has, or else the file that the field names.
  func source(_ name: String) throws(KubeconfigError) -> FileSource? {
    if let text = try text("\(name)-data") {
      guard let data = Data(base64Encoded: text, options: .ignoreUnknownCharacters), !data.isEmpty
      else {
        throw KubeconfigError("\(origin): \(name)-data is not in base64; copy it again")
      }
      return .bytes([UInt8](data))
    }
    return try text(name).map { .file(path($0)) }
  }

  /// A path in the file, seen from the working directory.
  func path(_ text: String) -> String {
    guard !text.hasPrefix("/"), let slash = path.lastIndex(of: "/") else { return text }
    return path[...slash] + text
  }

  /// The entries of a list, each with a name and a mapping.
  func entries(
    _ list: String, of kind: String
  ) throws(KubeconfigError) -> [(name: String, entry: KubeconfigEntry)] {
    guard let value = fields[list], !value.isEmpty else { return [] }
    guard case .list(let items) = value else {
      throw KubeconfigError("\(path): \(list) is no list but \(value.found)")
    }
    var entries: [(name: String, entry: KubeconfigEntry)] = []
    for (number, item) in items.enumerated() {
      let place = "item \(number + 1) of \(list)"
      guard let fields = item.fields else {
        throw KubeconfigError("\(path): \(place) is no mapping but \(item.found)")
      }
      let entry = KubeconfigEntry(path: path, place: place, fields: fields)
      guard let name = try entry.text("name") else {
        throw KubeconfigError("\(path): \(place) has no name; add one")
      }
      let content = fields[kind] ?? .mapping([:])
      guard let inner = content.isEmpty ? [:] : content.fields else {
        throw KubeconfigError("\(path): \(kind) '\(name.prefix(100))' is no mapping")
      }
      entries.append(
        (
          name,
          KubeconfigEntry(path: path, place: "\(kind) '\(name.prefix(100))'", fields: inner)
        ))
    }
    return entries
  }
}
