/// An object of the API as a file has it.
struct SourceObject: Sendable {
  let file: String
  let line: Int
  let apiVersion: String
  let kind: String
  let name: String
  /// Its annotations and labels, whatever they are; none if they can't be read.
  let annotations: [SourceField]
  let labels: [String: String]
  /// All its fields.
  let fields: Fields

  /// The group of its kind; empty for the core of Kubernetes.
  var group: String {
    apiVersion.firstIndex(of: "/").map { String(apiVersion[..<$0]) } ?? ""
  }

  /// The version of its kind.
  var version: String {
    apiVersion.firstIndex(of: "/").map { String(apiVersion[apiVersion.index(after: $0)...]) }
      ?? apiVersion
  }

  /// Its kind and name in messages.
  var title: String { "\(kind.shortened) \(name.shortened)" }

  var book: RemarkBook { RemarkBook(file: file, object: title) }

  /// The fields below one of its fields; none if it is absent.
  func part(_ name: String) throws(LeftOut) -> Fields {
    var fields = fields
    return try fields.take(name)?.fields() ?? Fields([])
  }

  /// The most lists within one another.
  private static let listDepthMax = 4

  /// Takes the objects out of a document, which may be a list of them.
  static func objects(
    in tree: SourceTree, of file: String
  ) throws(PoolImportError) -> [SourceObject] {
    var objects: [SourceObject] = []
    try collect(tree, file, kind: nil, depth: 0, into: &objects)
    return objects
  }

  private static func collect(
    _ tree: SourceTree, _ file: String, kind: (version: String, kind: String)?, depth: Int,
    into objects: inout [SourceObject]
  ) throws(PoolImportError) {
    guard case .fields(let all) = tree.content else {
      throw PoolImportError(
        "\(file):\(tree.line): this is no object of Kubernetes but \(tree.found); give objects as "
          + "'kubectl get -o yaml' prints them")
    }
    var fields = Fields(all)
    let version = fields.take("apiVersion")?.word ?? kind?.version
    let name = fields.take("kind")?.word ?? kind?.kind
    guard let version, let name else {
      throw PoolImportError(
        "\(file):\(tree.line): this is no object of Kubernetes: it has no 'apiVersion' or no 'kind'; "
          + "give objects as 'kubectl get -o yaml' prints them")
    }
    // A list of one kind need not say it with each element.
    if name.hasSuffix("List"), let items = fields.take("items") {
      guard case .list(let elements) = items.value.content, depth < Self.listDepthMax else {
        throw PoolImportError(
          "\(file):\(items.line): 'items' of a \(name.shortened) is a list of objects, which are no "
            + "lists themselves; give objects as 'kubectl get -o yaml' prints them")
      }
      let element = name == "List" ? nil : (version, String(name.dropLast(4)))
      for item in elements {
        try collect(item, file, kind: element, depth: depth + 1, into: &objects)
      }
      return
    }
    let object = SourceObject(file, tree.line, version, name, fields)
    // A list without elements may say nothing about them.
    if name.hasSuffix("List"), object.name.isEmpty { return }
    objects.append(object)
  }

  private init(
    _ file: String, _ line: Int, _ apiVersion: String, _ kind: String, _ fields: Fields
  ) {
    self.file = file
    self.line = line
    self.apiVersion = apiVersion
    self.kind = kind
    var rest = fields
    var metadata = Fields(rest.take("metadata")?.mapping ?? [])
    name = metadata.take("name")?.word ?? ""
    annotations = metadata.take("annotations")?.mapping ?? []
    labels = Dictionary(
      (metadata.take("labels")?.mapping ?? []).compactMap { field in
        field.word.map { (field.name, $0) }
      }, uniquingKeysWith: { $1 })
    self.fields = rest
  }
}

extension SourceField {
  /// The value, if it is a scalar.
  var word: String? {
    if case .scalar(let text, _) = value.content { text } else { nil }
  }

  /// The fields of the value, if it is a mapping.
  var mapping: [SourceField]? {
    if case .fields(let fields) = value.content { fields } else { nil }
  }
}
