import VIP

/// The problems of a router as sentences for people and scripts, not more of a kind than help.
///
/// A status has each problem by itself, which may be thousands of addresses.
enum WarningText {
  /// Number of addresses used by other machines that are told one by one.
  private static let conflictCountMax = 3

  /// A sentence for each problem; those about many addresses are told as one.
  static func sentences(_ problems: [Problem]) -> [String] {
    let conflicts = problems.count { $0.isConflict }
    let failures = problems.count { $0.isAddressFailure }
    var conflictsTold = 0
    var isFailureTold = false
    return problems.compactMap { problem in
      if problem.isConflict {
        conflictsTold += 1
        guard conflictsTold > conflictCountMax else { return problem.text }
        guard conflictsTold == conflictCountMax + 1 else { return nil }
        let more = conflicts - conflictCountMax
        return "\(more) more address\(more == 1 ? " is" : "es are") also used by other machines"
      }
      if problem.isAddressFailure {
        guard !isFailureTold else { return nil }
        isFailureTold = true
        return problem.text + (failures == 1 ? "" : " (and \(failures - 1) more)")
      }
      return problem.text
    }
  }
}

extension Problem {
  fileprivate var isConflict: Bool { if case .conflict = kind { true } else { false } }
  fileprivate var isAddressFailure: Bool { if case .addressFailure = kind { true } else { false } }
}
