import Glibc
import VIP
import VIPChecks

/// Looks at the programs that a configuration names, as they are on this machine.
public enum ProgramCheck {
  /// The reason why a program can't be run; `nil` if it can, as far as one can see.
  static func obstacle(_ path: String) -> String? {
    var status = stat()
    guard stat(path, &status) == 0 else {
      return errno == ENOENT || errno == ENOTDIR
        ? "there is no program '\(path)'"
        : "can't look at '\(path)': \(String(cString: strerror(errno)))"
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      return "'\(path)' is no program" + (isFolder ? " but a folder" : "")
    }
    guard access(path, X_OK) == 0 else {
      return "'\(path)' can't be run; make it executable with chmod +x"
    }
    return nil
  }

  /// The first program of a router that can't be run, and why; `nil` if all can.
  static func obstacle(_ router: PlacedRouter) -> (Place, String)? {
    let hooks = router.configuration.hooks
    for state in hooks.states {
      if let obstacle = obstacle(hooks[state][0]) {
        return (router.place(of: .hook(state)), obstacle)
      }
    }
    return nil
  }

  /// The users beside root and the node's own that could change what is at a path; `nil` if there
  /// are none.
  ///
  /// The node runs a program with its own rights, so that a user who can write it has them too.
  static func weakness(_ path: String) -> String? {
    var places = [path]
    if let real = realpath(path, nil) {
      defer { free(real) }
      let target = String(cString: real)
      if target != path { places.append(target) }
    }
    for place in places {
      if let reason = reason(place, isFolder: false) { return reason }
      var folder = place[...]
      while let slash = folder.lastIndex(of: "/") {
        folder = folder[..<slash]
        if let reason = reason(folder.isEmpty ? "/" : String(folder), isFolder: true) {
          return reason
        }
      }
    }
    return nil
  }

  private static func reason(_ path: String, isFolder: Bool) -> String? {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFLNK else { return nil }
    guard status.st_uid == 0 || status.st_uid == geteuid() else {
      return "\(path) belongs to user \(status.st_uid)"
    }
    // In a folder such as /tmp only the owner of a file may replace it.
    guard !isFolder || status.st_mode & S_ISVTX == 0 else { return nil }
    if status.st_mode & S_IWOTH != 0 { return "\(path) can be written by every user" }
    if status.st_mode & S_IWGRP != 0, status.st_gid != 0 {
      return "\(path) can be written by group \(status.st_gid)"
    }
    return nil
  }

  /// A remark on a file that names programs; `nil` if there is nothing to say.
  public static func remark(
    _ file: String, _ routers: [PlacedRouter], _ checks: [PlacedCheck] = []
  ) -> MachineCheck.Remark? {
    guard file != "-",
      routers.contains(where: { !$0.configuration.hooks.isEmpty })
        || checks.contains(where: { $0.check.program != nil }),
      let weakness = weakness(absolutePath(file))
    else { return nil }
    return MachineCheck.Remark(
      kind: .warning,
      text: "\(weakness), so that others could name programs to run as the node's user")
  }

  /// The remarks about a router's programs.
  static func remarks(_ router: PlacedRouter) -> [MachineCheck.Remark] {
    var remarks: [MachineCheck.Remark] = []
    let hooks = router.configuration.hooks
    for state in hooks.states {
      let place = router.place(of: .hook(state))
      let path = hooks[state][0]
      if let obstacle = obstacle(path) {
        remarks.append(
          MachineCheck.Remark(
            kind: .waits, place: place, text: "\(obstacle); the hook fails until that is mended",
            fault: .unusableProgram(path: path)))
      } else if let weakness = weakness(path) {
        remarks.append(
          MachineCheck.Remark(
            kind: .warning, place: place,
            text: "\(weakness), so that others could do anything as the node's user; give "
              + "'\(path)' and its folders to root", fault: .writableProgram(path: path)))
      }
    }
    return remarks
  }
}
