import VIPKubernetesManifests

/// Names and bounds as the definition of AddressPools demands them.
enum NameForm {
  /// The longest name of a pool.
  static let poolCountMax = 55
  /// The most entries of `addresses`, of `namespaces` and of the values of a selector.
  static let listCountMax = 1000
  /// The most labels and expressions of a selector.
  static let selectorCountMax = 100
  /// The order of pools.
  static let orders = -1_000_000...1_000_000

  static func isName(_ text: String) -> Bool { Manifests.Options.isName(text) }

  static func isNamespace(_ text: String) -> Bool { Manifests.Options.isLabel(text) }

  static func isLabelKey(_ text: String) -> Bool { Manifests.Options.isQualified(text) }

  static func isLabelValue(_ text: String) -> Bool {
    text.isEmpty || Manifests.Options.isWord(text)
  }

  static func isInterface(_ text: String) -> Bool {
    (1...127).contains(text.unicodeScalars.count)
      && text.unicodeScalars.allSatisfy {
        !$0.properties.isWhitespace && $0.value > 0x20 && !"/:@".unicodeScalars.contains($0)
      } && text.onOneLine == text
  }
}
