import Foundation

/// YAML as a parser reads it that is not ours: Python's, with the types of YAML 1.2.
package enum ForeignYAML {
  /// Defines `load(text)`; its own types are those of YAML 1.1, to which `on` is a truth value.
  package static let loader = #"""
    import json, re, sys, yaml
    class Loader(yaml.SafeLoader): pass
    Loader.yaml_implicit_resolvers = {}
    for tag, pattern, first in [
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
        ("int", r"[-+]?[0-9]+|0x[0-9a-fA-F]+", list("-+0123456789")),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789"))]:
        pattern = re.compile("^(?:" + pattern + ")$")
        Loader.add_implicit_resolver("tag:yaml.org,2002:" + tag, pattern, first)
    def integer(loader, node):
        return int(node.value, 16 if node.value.startswith("0x") else 10)
    Loader.add_constructor("tag:yaml.org,2002:int", integer)
    def load(text): return yaml.load(text, Loader)
    """#

  /// Reads a document; `nil` if it is no YAML.
  package static func object(_ text: String) throws -> Any? {
    let program = loader + "\nprint(json.dumps(load(sys.stdin.buffer.read().decode())))"
    let result = try run(["/usr/bin/python3", "-c", program], input: text)
    guard result.status == 0 else { return nil }
    return try JSONDecoder().decode(Value.self, from: Data(result.output.utf8)).value
  }

  private struct Value: Decodable {
    let value: Any

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        value = NSNull()
      } else if let flag = try? container.decode(Bool.self) {
        value = flag
      } else if let number = try? container.decode(Int.self) {
        value = number
      } else if let number = try? container.decode(Double.self) {
        value = number
      } else if let text = try? container.decode(String.self) {
        value = text
      } else if let items = try? container.decode([Value].self) {
        value = items.map(\.value)
      } else {
        value = try container.decode([String: Value].self).mapValues(\.value)
      }
    }
  }
}
