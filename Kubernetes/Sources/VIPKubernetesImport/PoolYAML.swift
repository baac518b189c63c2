import VIPKubernetes
import VIPKubernetesManifests

/// An object as it is encoded.
private indirect enum EncodedValue: Decodable, Hashable {
  case truth(Bool)
  case number(Int64)
  case text(String)
  case list([EncodedValue])
  case fields([String: EncodedValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let truth = try? container.decode(Bool.self) {
      self = .truth(truth)
    } else if let number = try? container.decode(Int64.self) {
      self = .number(number)
    } else if let text = try? container.decode(String.self) {
      self = .text(text)
    } else if let list = try? container.decode([EncodedValue].self) {
      self = .list(list)
    } else {
      self = .fields(try container.decode([String: EncodedValue].self))
    }
  }

  /// The value with its fields in the order of a schema, without those that say nothing.
  func yaml(_ schema: Schema) -> YAMLValue? {
    switch (self, schema.kind) {
    case (.truth(let truth), _): return .truth(truth)
    case (.number(let number), _): return .number(number)
    case (.text(let text), _): return .text(text)
    case (.list(let elements), .list(let element, _)):
      let values = elements.compactMap { $0.yaml(element) }
      return values.isEmpty ? nil : .list(values)
    case (.fields(let fields), .object(let properties)):
      let values = properties.compactMap { property in
        fields[property.name]?.yaml(property.schema).map { YAMLField(property.name, $0) }
      }
      return values.isEmpty ? nil : .fields(values)
    case (.fields(let fields), .dictionary(let element)):
      let values = fields.sorted { $0.key < $1.key }.compactMap { name, value in
        value.yaml(element).map { YAMLField(name, $0) }
      }
      return values.isEmpty ? nil : .fields(values)
    default: return nil
    }
  }
}

extension AddressPool {
  /// The object as `kubectl apply` takes it.
  ///
  /// What has its default is left out: a cluster may have other defaults for the interval and the
  /// VRIDs.
  func yaml() throws(ObjectError) -> YAMLValue {
    let definition = Definition.addressPool(interval: "", vrids: "")
    var fields = try Self.fields(spec)
    let defaults = try Self.fields(AddressPool.Spec(addresses: []))
    for (name, value) in defaults where fields[name] == value { fields[name] = nil }
    return .fields([
      YAMLField("apiVersion", .text("\(Definition.group)/\(Definition.version)")),
      YAMLField("kind", .text(definition.kind)),
      YAMLField("metadata", ["name": .text(metadata.name)]),
      YAMLField("spec", EncodedValue.fields(fields).yaml(definition.spec) ?? [:]),
    ])
  }

  private static func fields(_ spec: Spec) throws(ObjectError) -> [String: EncodedValue] {
    let bytes = try ObjectReader.write(spec)
    guard case .fields(let fields) = try ObjectReader.read(EncodedValue.self, from: bytes) else {
      return [:]
    }
    return fields
  }
}
