import Glibc
public import VIP
import VIPChecks
import VIPCore

/// The remarks about the health checks of a file, and what would follow from them.
public enum HealthCheckRemarks {
  /// Looks at the checks as they are in the file and at what they need on this machine.
  public static func remarks(
    _ checks: [PlacedCheck], _ routers: [PlacedRouter], machine: MachineCheck? = nil
  ) -> [MachineCheck.Remark] {
    let used = Set(routers.flatMap { $0.configuration.checkUses.map(\.check) })
    return checks.flatMap { placed in
      used.contains(placed.check.name)
        ? programRemarks(placed) + needRemarks(placed, machine)
        : [
          MachineCheck.Remark(
            kind: .note, place: placed.place,
            text: "no router uses the check '\(placed.check.name)', so that it is not run")
        ]
    }
  }

  /// The remarks about a check that can't pass, since this machine lacks what it needs beside its
  /// program.
  private static func needRemarks(
    _ placed: PlacedCheck, _ machine: MachineCheck?
  ) -> [MachineCheck.Remark] {
    func remark(_ kind: MachineCheck.Remark.Kind, _ text: String) -> [MachineCheck.Remark] {
      [MachineCheck.Remark(kind: kind, place: placed.place, text: text)]
    }
    func lacks(_ interface: String) -> Bool { machine.map { $0.link(interface) == nil } ?? false }
    let name = placed.check.name
    switch placed.check.kind {
    case .command(_, user: let user?):
      do throws(NodeError) {
        _ = try UserIdentity(user)
        return []
      } catch {
        return remark(.waits, "\(error); the check '\(name)' fails until that is mended")
      }
    case .http(let request):
      guard let path = request.certificates, let obstacle = fileObstacle(path) else { return [] }
      return remark(.waits, "\(obstacle); the check '\(name)' fails until that is mended")
    case .neighbour(_, let interface) where lacks(interface):
      return remark(
        .waits, "there is no interface '\(interface)'; the check '\(name)' fails until there is")
    case .route(let route):
      guard let interface = route.interface, lacks(interface) else { return [] }
      return remark(
        .waits, "there is no interface '\(interface)'; the check '\(name)' fails until there is")
    case .interface(let interface) where lacks(interface):
      return remark(
        .note, "there is no interface '\(interface)' now, so that the check '\(name)' fails")
    default: return []
    }
  }

  /// The reason why no file can be read at a path; `nil` if one can, as far as one can see.
  private static func fileObstacle(_ path: String) -> String? {
    var status = stat()
    guard stat(path, &status) == 0 else {
      return errno == ENOENT || errno == ENOTDIR
        ? "there is no file '\(path)'"
        : "can't look at '\(path)': \(String(cString: strerror(errno)))"
    }
    return status.st_mode & S_IFMT == S_IFREG ? nil : "'\(path)' is no ordinary file"
  }

  private static func programRemarks(_ placed: PlacedCheck) -> [MachineCheck.Remark] {
    if case .http = placed.check.kind, HTTPRequest.program == nil {
      return [
        MachineCheck.Remark(
          kind: .waits, place: placed.place,
          text: "there is no program curl on this machine, which makes requests over HTTP; the "
            + "check '\(placed.check.name)' fails until it is installed")
      ]
    }
    guard let path = placed.check.program else { return [] }
    if let obstacle = ProgramCheck.obstacle(path) {
      return [
        MachineCheck.Remark(
          kind: .waits, place: placed.place,
          text: "\(obstacle); the check '\(placed.check.name)' fails until that is fixed",
          fault: .unusableProgram(path: path))
      ]
    }
    // A program that runs as another user does not have the node's rights.
    if case .command(_, user: .some) = placed.check.kind { return [] }
    return ProgramCheck.weakness(path).map { weakness in
      MachineCheck.Remark(
        kind: .warning, place: placed.place,
        text: "\(weakness), so that others could do anything as the node's user; give '\(path)' "
          + "and its folders to root, or run it as another 'user'",
        fault: .writableProgram(path: path))
    }.map { [$0] } ?? []
  }

  /// The plan of the checks that are used, a line for each.
  public static func plan(_ file: FileConfiguration) -> [String] {
    let used = Set(file.routers.flatMap { $0.checkUses.map(\.check) })
    return file.checks.filter { used.contains($0.name) }.map { check in
      var parts = ["every \(check.interval.text)", "at most \(check.timeout.text)"]
      if check.rise > 1 { parts.append("\(check.rise) successes to pass") }
      if check.fall > 1 { parts.append("\(check.fall) failures to fail") }
      if check.initially != .unknown { parts.append("at first \(check.initially.rawValue)") }
      return "check \(check.name): \(check.subject), \(parts.joined(separator: ", "))".onOneLine
    }
  }

  /// The meaning of a router's use of a check, for its plan.
  static func text(_ use: CheckUse) -> String {
    switch use.weight {
    case nil: "no part while \(use.check) fails"
    case let weight? where weight > 0: "priority \(weight) higher while \(use.check) passes"
    case let weight?: "priority \(-weight) lower while \(use.check) fails"
    }
  }

  /// The kind of a result and its text, which does not say the kind once more.
  static func text(_ result: CheckResult) -> String {
    let start = "can't be started: "
    let text = result.description
    guard result.kind == .couldNotStart, text.hasPrefix(start) else {
      return "\(result.kind.rawValue): \(text)"
    }
    return "\(result.kind.rawValue): \(text.dropFirst(start.count))"
  }

  /// Runs each used check once, and says what would follow.
  ///
  /// It takes as long as the longest time limit.
  ///
  /// - Returns: a line for each check, and one for each router that it makes a difference to.
  public static func trial(_ file: FileConfiguration) throws(NodeError) -> [String] {
    let used = Set(file.routers.flatMap { $0.checkUses.map(\.check) })
    let checks = file.checks.filter { used.contains($0.name) }
    guard !checks.isEmpty else { return [] }
    let results = try CheckTrial.run(checks)
    var lines: [String] = []
    for check in checks {
      let result = results[check.name] ?? .timedOut(after: check.timeout)
      lines.append("check \(check.name): \(text(result))".onOneLine)
      for router in file.routers {
        for use in router.checkUses where use.check == check.name {
          let effect = CheckTrial.effect(of: result, check, on: use)
          if effect.isOut {
            lines.append("  \(router.name) would leave the election")
          } else if effect.weight != 0 {
            let way = effect.weight > 0 ? "higher" : "lower"
            lines.append("  \(router.name) would have a priority \(abs(effect.weight)) \(way)")
          }
        }
      }
    }
    return lines
  }
}
