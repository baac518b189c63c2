import VIP

/// The permissions that the process must have.
enum Permissions {
  /// Refuses to go on without the capabilities that a node needs.
  static func require() throws(Failure) {
    let missing = ProcessCapabilities.missing()
    guard !missing.isEmpty else { return }
    throw failure(missing, hint: ", and give it a --runtime-dir of your own")
  }

  static func failure(_ missing: [String], hint: String = "") -> Failure {
    let names = missing.map { $0.lowercased() }.joined(separator: ",")
    return Failure(
      .notPermitted,
      "\(missing.joined(separator: " and ")) \(missing.count == 1 ? "is" : "are") missing; "
        + "use sudo, or once: sudo setcap \(names)+ep $(command -v vipctl)\(hint)")
  }
}
