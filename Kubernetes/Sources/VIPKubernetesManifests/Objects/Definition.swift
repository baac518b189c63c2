/// A kind of objects of this project, as the API server is told of it.
package struct Definition: Sendable, Hashable {
  /// A column of `kubectl get`.
  package struct Column: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable {
      case string
      case integer
      case date
    }

    package var name: String
    package var kind: Kind
    package var path: String
    /// Whether it is shown with `-o wide` only.
    package var isWide: Bool

    package init(_ name: String, _ kind: Kind, _ path: String, isWide: Bool = false) {
      self.name = name
      self.kind = kind
      self.path = path
      self.isWide = isWide
    }
  }

  package var kind: String
  package var plural: String
  package var shortName: String
  package var description: String
  package var spec: Schema
  package var status: Schema
  package var columns: [Column]
  /// The rules for whole objects.
  package var rules: [Schema.Rule]

  /// The group of all of them.
  package static let group = "vipctl.io"
  /// The version of all of them.
  package static let version = "v1alpha1"

  /// A whole object.
  package var schema: Schema {
    Schema.object(
      description,
      [
        .init("apiVersion", Schema(.string, "")), .init("kind", Schema(.string, "")),
        .init("metadata", .object("", [])), .required("spec", spec), .init("status", status),
      ]
    ).with { $0.rules = rules }
  }

  /// The object that defines it.
  package var yaml: YAMLValue {
    let columns = columns.map { column -> YAMLValue in
      var fields = [
        YAMLField("name", .text(column.name)), YAMLField("type", .text(column.kind.rawValue)),
        YAMLField("jsonPath", .text(column.path)),
      ]
      if column.isWide { fields.append(YAMLField("priority", 1)) }
      return .fields(fields)
    }
    return [
      "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
      "metadata": ["name": .text("\(plural).\(Self.group)")],
      "spec": [
        "group": .text(Self.group), "scope": "Cluster",
        "names": [
          "kind": .text(kind), "listKind": .text(kind + "List"), "plural": .text(plural),
          "singular": .text(kind.lowercased()), "shortNames": [.text(shortName)],
          "categories": ["vipctl"],
        ],
        "versions": [
          [
            "name": .text(Self.version), "served": true, "storage": true,
            "subresources": ["status": [:]], "additionalPrinterColumns": .list(columns),
            "schema": ["openAPIV3Schema": schema.yaml],
          ]
        ],
      ],
    ]
  }
}
