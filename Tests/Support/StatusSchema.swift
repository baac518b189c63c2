import Foundation

/// `Docs/status.schema.json`, held against files by a validator that is not ours.
package enum StatusSchema {
  /// Keys may be added to a status, but not without a word: here the schema has to know them all.
  private static let validation = """
    import json, sys, jsonschema
    schema = json.load(open(sys.argv[1]))
    jsonschema.Draft202012Validator.check_schema(schema)
    def close(part):
        if isinstance(part, dict):
            if "properties" in part: part["additionalProperties"] = False
            for value in part.values(): close(value)
    close(schema)
    for path in sys.argv[2:]:
        jsonschema.validate(json.load(open(path)), schema)
    """

  /// What the validator objects to in files with statuses; `nil` if nothing.
  package static func objection(to paths: [String]) throws -> String? {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let schema = "/\(root)/Docs/status.schema.json"
    let result = try run(["/usr/bin/python3", "-c", validation, schema] + paths)
    return result.status == 0 ? nil : result.errors
  }
}
