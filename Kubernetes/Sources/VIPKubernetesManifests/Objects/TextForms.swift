/// The texts in objects: regular expressions as the API server takes them (RE2), and how long they
/// are.
enum TextForm {
  /// `192.0.2.10`, `192.0.2.10-192.0.2.20` or `192.0.2.0/24`, of either family.
  ///
  /// Whether the parts are addresses is said by a rule.
  static let addressBlock = "^[0-9A-Fa-f:.]+( *- *[0-9A-Fa-f:.]+|/[0-9]{1,3})?$"
  /// A number from 1 to 255.
  private static let vrid = "([1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])"
  /// `31-60,80`.
  static let vrids = "^ *\(vrid)( *- *\(vrid))?( *, *\(vrid)( *- *\(vrid))?)* *$"
  /// 10 ms to 40.95 s in steps of 10 ms, in one of the two units.
  static let interval =
    "^(([1-9][0-9]{0,2}|[1-3][0-9]{3}|40[0-8][0-9]|409[0-5])0ms"
    + "|(([1-9]|[1-3][0-9])(\\.[0-9]{1,2})?|0\\.(0[1-9]|[1-9][0-9]?)"
    + "|40(\\.([0-8][0-9]?|9[0-5]?))?)s)$"
  /// A number with its unit.
  static let duration = "^[0-9]{1,12}(\\.[0-9]{1,12})?(ns|us|ms|s|m|h)$"
  /// `NAMESPACE/NAME`.
  static let key = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
  /// An interface, by the kernel's rules; the @ is a listing's.
  static let interface = "^[^\\s/:@]+$"
  /// An Ethernet address.
  static let mac = "^([0-9a-f]{2}:){5}[0-9a-f]{2}$"
  /// The name of an object.
  static let name = "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"

  /// The longest name of an object.
  static let nameCount = 1...253
  /// The longest name of an interface.
  static let interfaceCount = 1...127
  /// The longest text of an address.
  static let addressCount = 2...45
  /// The longest text of a time.
  static let durationCount = 2...28
}

extension Schema {
  static func duration(_ description: String) -> Schema {
    .string(description, TextForm.durationCount, pattern: TextForm.duration)
  }

  static func interval(_ description: String) -> Schema {
    .string(description, TextForm.durationCount, pattern: TextForm.interval)
  }

  static func name(_ description: String) -> Schema {
    .string(description, TextForm.nameCount, pattern: TextForm.name)
  }

  static func interface(_ description: String) -> Schema {
    .string(description, TextForm.interfaceCount, pattern: TextForm.interface)
  }

  /// A virtual address.
  static func address(_ description: String) -> Schema {
    Schema.string(description, TextForm.addressCount).with { $0.anyFormat = ["ipv4", "ipv6"] }
  }

  /// A time of day.
  static func time(_ description: String) -> Schema {
    Schema(.string, description).with {
      $0.format = "date-time"
      $0.count = 0...64
    }
  }

  /// The generation of an object.
  static func generation(_ description: String) -> Schema {
    Schema.integer(description, 0...(.max)).with { $0.format = "int64" }
  }

  /// The conditions of an object.
  static func conditions(_ description: String) -> Schema {
    .list(
      description,
      of: .object(
        "",
        [
          .required("type", .string("What it is about.", 1...316)),
          .required(
            "status",
            Schema.string("Whether it holds.", 0...7).with {
              $0.choices = ["True", "False", "Unknown"]
            }),
          Property("reason", .string("One word for why.", 0...1024)),
          Property("message", .string("A sentence with what to do.", 0...32_768)),
          Property(
            "lastTransitionTime", .time("When it began to hold, or ceased to.")),
        ]), 0...64, .map(key: "type"))
  }

  /// A selector of labels.
  static func selector(_ description: String) -> Schema {
    let requirement = Schema.object(
      "",
      [
        .required("key", .string("The label.", 1...317)),
        .required(
          "operator",
          Schema.string("How it is compared.", 0...12).with {
            $0.choices = ["In", "NotIn", "Exists", "DoesNotExist"]
          }),
        Property(
          "values",
          .list("What In and NotIn compare with.", of: .string("", 0...63), 0...1000)),
      ]
    ).rule(
      "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
      "In and NotIn need values, Exists and DoesNotExist have none")
    let labels = Schema(.dictionary(.string("", 0...63)), "Labels with exactly these values.")
      .with { $0.count = 0...100 }
    return Schema.object(
      description,
      [
        Property("matchLabels", labels),
        Property(
          "matchExpressions", .list("What else must be so.", of: requirement, 0...100)),
      ]
    ).with { $0.isAtomic = true }
  }
}
