import Foundation

/// `Docs/configuration.schema.json`, held against files by a validator that is not ours.
package enum ConfigurationSchema {
  private static let root =
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

  /// The path of the schema.
  package static let path = root + "/Docs/configuration.schema.json"

  private static let validation =
    ForeignYAML.loader + "\n" + """
      import jsonschema
      schema = json.load(open(sys.argv[1]))
      jsonschema.Draft7Validator.check_schema(schema)
      validator = jsonschema.Draft7Validator(schema)
      for text in json.loads(sys.stdin.buffer.read().decode()):
          try:
              print(1 if validator.is_valid(load(text)) else 0)
          except yaml.YAMLError:
              print(0)
      """

  /// Says of each file whether the schema accepts it; what is no YAML it does not.
  package static func accepts(_ texts: [String]) throws -> [Bool] {
    let input = String(decoding: try JSONEncoder().encode(texts), as: UTF8.self)
    let output = try check(
      ["/usr/bin/python3", "-c", validation, path], input: input, within: .seconds(300))
    return output.split(separator: "\n").map { $0 == "1" }
  }

  /// The schema as its script prints it.
  package static func printed() throws -> String {
    try check(["/usr/bin/python3", root + "/Scripts/configuration-schema"])
  }
}
