@testable import VIPConfiguration

/// A configuration file to make mistakes in.
indirect enum Sketch {
  case scalar(String, quoted: Bool)
  case list([Sketch])
  case map([(key: String, value: Sketch)])

  /// Takes what a file says.
  init(_ tree: YAMLTree) {
    switch tree.content {
    case .scalar(let text, let isQuoted): self = .scalar(text, quoted: isQuoted)
    case .list(let items): self = .list(items.map { Sketch($0) })
    case .map(let entries):
      self = .map(
        entries.map { entry in
          var key = ""
          if case .scalar(let text, _) = entry.key.content { key = text }
          return (key: key, value: Sketch(entry.value))
        })
    }
  }

  /// The file in one line.
  var text: String {
    switch self {
    case .scalar(let text, let isQuoted):
      let isPlain = text.wholeMatch(of: #/-?[A-Za-z0-9_./][A-Za-z0-9_.:/%-]*/#) != nil
      return isPlain && !isQuoted && !text.hasSuffix(":") ? text : "\"\(text)\""
    case .list(let items): return "[" + items.map(\.text).joined(separator: ", ") + "]"
    case .map(let entries):
      return "{" + entries.map { "\($0.key): \($0.value.text)" }.joined(separator: ", ") + "}"
    }
  }

  /// The ways to all values in it.
  var paths: [[Int]] {
    [[]] + children.enumerated().flatMap { index, child in child.paths.map { [index] + $0 } }
  }

  private var children: [Sketch] {
    switch self {
    case .scalar: []
    case .list(let items): items
    case .map(let entries): entries.map(\.value)
    }
  }

  subscript(path: ArraySlice<Int>) -> Sketch {
    get { path.first.map { children[$0][path.dropFirst()] } ?? self }
    set {
      guard let index = path.first else {
        self = newValue
        return
      }
      switch self {
      case .scalar: break
      case .list(var items):
        items[index][path.dropFirst()] = newValue
        self = .list(items)
      case .map(var entries):
        entries[index].value[path.dropFirst()] = newValue
        self = .map(entries)
      }
    }
  }
}

extension Sketch {
  /// Texts that are right somewhere, and some that are right nowhere.
  private static let texts =
    """
    0 1 2 3 50 254 255 256 1000 1001 65535 65536 32766 100001 1000001 4294967295 4294967296 -1 -254
    -255 1.5 5 0s 1s 10ms 5ms 15ms 99ms 100ms 250ms 1.5s 2s 40.95s 40.96s 41s 255s 256s 1m 0.5m 1h
    24h 25h 3600s 3601s 86400s 86401s off true false null yes eth0 eth1 eth0:1 eth0:x lo a/b web
    mail nginx x_very_long_name_of_an_interface 192.0.2.1 192.0.2.1/24 192.0.2.10 192.0.2.1/33
    192.0.2.9/0 192.0.2.256 2001:db8::1 2001:db8::1/64 2001:db8::1/129 fe80::1%eth0 fe80::1 ::1
    224.0.0.1 239.1.1.1 ff02::1 default 0.0.0.0 0.0.0.0/0 127.0.0.1/8 255.255.255.255 198.18.0.0/15
    /bin/true bin/true http://a/ https://b ftp://a 127.0.0.1:80 [::1]:80 127.0.0.1:0
    127.0.0.1:65536 seamless strict auto message pseudo-header link global failed passed unknown
    www-data:a www-data: s3same muchtoolong
    """.split(whereSeparator: \.isWhitespace).map(String.init) + others

  private static let others = ["", "a b", String(repeating: "x", count: 128)]

  private static let keys =
    """
    node checks groups routers name interface vrid priority interval addresses preempt version
    checksum authentication handover probe virtualMac startDelay linkDelay holdDown track peers
    multicastGroup unicastSource routes rules on active stop timeout delay password check weight
    decrement url status ca insecure command tcp process user via table from fwmark repeat bogus
    """.split(whereSeparator: \.isWhitespace).map(String.init)

  private static func scalar(using random: inout some RandomNumberGenerator) -> Sketch {
    .scalar(
      texts.randomElement(using: &random) ?? "", quoted: Int.random(in: 0..<3, using: &random) == 0)
  }

  /// Makes one change somewhere.
  mutating func change(using random: inout some RandomNumberGenerator) {
    let paths = self.paths
    let path = (paths.randomElement(using: &random) ?? [])[...]
    let other = self[(paths.dropFirst().randomElement(using: &random) ?? [])[...]]
    let isScalar = Int.random(in: 0..<3, using: &random) > 0
    let value = isScalar ? Self.scalar(using: &random) : other
    switch self[path] {
    case .scalar: self[path] = value
    case .list(var items):
      if Bool.random(using: &random) {
        items.append(value)
      } else if let index = items.indices.randomElement(using: &random) {
        items.remove(at: index)
      }
      self[path] = .list(items)
    case .map(var entries):
      let key = Self.keys.randomElement(using: &random) ?? ""
      if Bool.random(using: &random), !entries.contains(where: { $0.key == key }) {
        entries.append((key: key, value: value))
      } else if let index = entries.indices.randomElement(using: &random) {
        entries.remove(at: index)
      }
      self[path] = .map(entries)
    }
  }
}
