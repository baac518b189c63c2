import Foundation
import TestSupport

/// What a product offers to other packages, as the compiler knows it.
///
/// Read from the symbol graph of the module as it was built beside the tests, which takes less than
/// a second a product.
struct PublicSurface {
  /// One public declaration.
  struct Symbol {
    /// The types that it is in, and its own name.
    let path: [String]
    /// The declaration in one line, without attributes of the documentation.
    let declaration: String
    /// Whether it has a comment, its own or that of the requirement which it fulfils.
    let isDocumented: Bool
  }

  let product: String
  let symbols: [Symbol]

  /// The library products of the package.
  static let products: [String] = {
    let manifest = Repository.root.appending(path: "Package.swift")
    let text = (try? String(contentsOf: manifest, encoding: .utf8)) ?? ""
    return text.matches(of: #/\.library\(\s*name: "(\w+)"/#).map { String($0.output.1) }
  }()

  /// The compiler's tool that tells symbols; `nil` if it is not installed.
  static let extractor: String? = {
    guard let found = try? run(["sh", "-c", "readlink -f \"$(command -v swift)\""]).output else {
      return nil
    }
    let path =
      (found.trimmingCharacters(in: .whitespacesAndNewlines) as NSString)
      .deletingLastPathComponent + "/swift-symbolgraph-extract"
    return FileManager.default.isExecutableFile(atPath: path) ? path : nil
  }()

  /// Asks the compiler about a product.
  init(of product: String, by extractor: String) throws {
    let folder = try TemporaryDirectory()
    let built = (VipctlNode.builtBesideTests as NSString).deletingLastPathComponent
    var arguments = [
      extractor, "-module-name", product, "-I", built + "/Modules", "-target", Self.target,
      "-minimum-access-level", "public", "-skip-synthesized-members", "-output-dir", folder.path,
    ]
    for path in try Repository.files(under: "Sources", named: "module.modulemap") {
      arguments += ["-Xcc", "-fmodule-map-file=" + Repository.root.appending(path: path).path]
    }
    // The C targets of this package, whose maps the build has made.
    for name in try FileManager.default.contentsOfDirectory(atPath: built)
    where name.hasSuffix(".build") {
      let path = "\(built)/\(name)/module.modulemap"
      guard FileManager.default.fileExists(atPath: path) else { continue }
      arguments += ["-Xcc", "-fmodule-map-file=" + path]
    }
    // The C modules of packages that this one depends on.
    let packages = URL(filePath: built).appending(path: "../../checkouts").standardizedFileURL.path
    for path in FileManager.default.subpaths(atPath: packages) ?? []
    where path.hasSuffix("/include/module.modulemap") {
      arguments += ["-I", "\(packages)/\((path as NSString).deletingLastPathComponent)"]
    }
    arguments += try check(["pkg-config", "--cflags-only-I", "libpcap", "libmnl", "yaml-0.1"])
      .split(whereSeparator: \.isWhitespace).map(String.init)
    try check(arguments)
    var symbols: [Symbol] = []
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    where name.hasSuffix(".symbols.json") {
      let graph = try JSONDecoder().decode(
        Graph.self, from: Data(contentsOf: URL(filePath: folder[name])))
      symbols += graph.publicSymbols
    }
    self.product = product
    self.symbols = symbols.sorted {
      ($0.path.joined(separator: "\u{1}"), $0.declaration)
        < ($1.path.joined(separator: "\u{1}"), $1.declaration)
    }
  }

  private static var target: String {
    #if arch(arm64)
      "aarch64-unknown-linux-gnu"
    #else
      "x86_64-unknown-linux-gnu"
    #endif
  }

  /// The listing: each declaration in a line, members below their types.
  var listing: String {
    var lines = ["# What \(product) offers to other packages; 'make api' brings it to date.", ""]
    var listed: Set<[String]> = []
    for symbol in symbols {
      let parents = Array(symbol.path.dropLast())
      if !parents.isEmpty, listed.insert(parents).inserted {
        // A type of another module that is extended here.
        lines.append("extension \(parents.joined(separator: "."))")
      }
      listed.insert(symbol.path)
      lines.append(String(repeating: "  ", count: parents.count) + symbol.declaration)
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// The compiler's form of it, as far as it is of use here.
private struct Graph: Decodable {
  struct Symbol: Decodable {
    struct Identifier: Decodable {
      var precise: String
    }
    struct Kind: Decodable {
      var identifier: String
    }
    struct Fragment: Decodable {
      var spelling: String
    }
    struct Comment: Decodable {}

    var identifier: Identifier
    var kind: Kind
    var pathComponents: [String]
    var declarationFragments: [Fragment]
    var docComment: Comment?
  }

  struct Relationship: Decodable {
    var kind: String
    var source: String
    var target: String
    var targetFallback: String?
  }

  var symbols: [Symbol]
  var relationships: [Relationship]

  /// What every type is, or what another protocol brings along.
  private static let silent: Set<String> = [
    "Copyable", "Escapable", "SendableMetatype", "BitwiseCopyable", "Equatable",
  ]

  var publicSymbols: [PublicSurface.Symbol] {
    var conformances: [String: Set<String>] = [:]
    let names = Dictionary(
      symbols.map { ($0.identifier.precise, $0.pathComponents.joined(separator: ".")) },
      uniquingKeysWith: { first, _ in first })
    for relationship in relationships where relationship.kind == "conformsTo" {
      let name = names[relationship.target] ?? relationship.targetFallback ?? ""
      let short = name.split(separator: ".").last.map(String.init) ?? name
      guard !Self.silent.contains(short) else { continue }
      conformances[relationship.source, default: []].insert(short)
    }
    return symbols.map { symbol in
      var text = symbol.declarationFragments.map(\.spelling).joined()
        .split(whereSeparator: \.isWhitespace).joined(separator: " ")
      if let list = conformances[symbol.identifier.precise]?.sorted() {
        text += ": " + list.joined(separator: ", ")
      }
      return PublicSurface.Symbol(
        path: symbol.pathComponents, declaration: text, isDocumented: symbol.docComment != nil)
    }
  }
}
