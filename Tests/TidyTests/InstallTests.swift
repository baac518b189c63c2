import Foundation
import TestSupport
import Testing

/// What `make install` puts where, and that shells complete with it.
@Suite struct InstallTests {
  private static let files = [
    "bin/vipctl", "share/man/man8/vipctl.8", "share/bash-completion/completions/vipctl",
    "share/zsh/site-functions/_vipctl", "share/fish/vendor_completions.d/vipctl.fish",
    "share/vipctl/configuration.schema.json", "lib/systemd/system/vipctl.service",
  ]

  private func make(_ target: String, into folder: TemporaryDirectory) throws -> CommandResult {
    try run(
      [
        // Not the flags of the make that may run these tests.
        "env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "make", "-s", "-C", Repository.root.path,
        target,
        "PREFIX=/opt/vip", "DESTDIR=\(folder.path)", "BINARY=\(VipctlNode.binary)",
      ], within: .seconds(60))
  }

  @Test func `everything is installed, and everything goes again`() throws {
    try #require(FileManager.default.isExecutableFile(atPath: VipctlNode.binary))
    let folder = try TemporaryDirectory()
    let result = try make("install", into: folder)
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    for file in Self.files {
      #expect(FileManager.default.fileExists(atPath: folder["opt/vip/\(file)"]), "\(file)")
      #expect(result.output.contains("installed \(folder.path)/opt/vip/\(file)\n"))
    }
    let unit = readText(folder["opt/vip/lib/systemd/system/vipctl.service"])
    #expect(unit.contains("ExecStart=/opt/vip/bin/vipctl run") && !unit.contains("/usr/local"))
    let imported = try run(
      [folder["opt/vip/bin/vipctl"], "import", "-"],
      input: """
        vrrp_instance web {
          interface eth0
          virtual_router_id 51
          virtual_ipaddress {
            192.0.2.10/24
          }
        }

        """)
    let schema = "/opt/vip/share/vipctl/configuration.schema.json"
    let line = imported.output.prefix { $0 != "\n" }
    #expect(
      line.hasPrefix("# yaml-language-server: $schema=/") && line.hasSuffix(schema), "\(imported)")
    #expect(try make("uninstall", into: folder).status == 0)
    for file in Self.files {
      #expect(!FileManager.default.fileExists(atPath: folder["opt/vip/\(file)"]), "\(file)")
    }
    let absent = try run([
      "env", "-u", "MAKEFLAGS", "make", "-s", "-C", Repository.root.path, "install",
      "DESTDIR=\(folder.path)", "BINARY=\(folder["absent"])",
    ])
    #expect(absent.status != 0)
    #expect(absent.errors.contains("run 'make release' first"), "\(absent.errors)")
  }

  /// What is typed, and one of the words that a shell shall offer.
  static let words = [
    ("vipctl stat", "status"), ("vipctl check --pro", "--probe"),
    ("vipctl up --checksum m", "message"), ("vipctl reload --dry", "--dry-run"),
  ]

  @Test(arguments: words)
  func `bash completes`(typed: String, word: String) throws {
    let script = """
      source <("$1" --generate-completion-script bash)
      COMP_LINE=$2 COMP_POINT=${#2}
      read -ra COMP_WORDS <<<"$2"
      COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
      _vipctl vipctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
      printf '%s\\n' "${COMPREPLY[@]}"
      """
    let result = try run(["bash", "-c", script, "bash", VipctlNode.binary, typed])
    #expect(result.output.split(separator: "\n").contains { $0.hasPrefix(word) }, "\(result)")
  }

  @Test(arguments: words)
  func `fish completes`(typed: String, word: String) throws {
    let folder = try TemporaryDirectory()
    let script =
      "\(VipctlNode.binary) --generate-completion-script fish | source; complete -C \"$argv[1]\""
    let result = try run([
      "env", "HOME=\(folder.path)",
      "PATH=\((VipctlNode.binary as NSString).deletingLastPathComponent):/usr/bin:/bin",
      "fish", "--no-config", "-c", script, typed,
    ])
    #expect(result.output.split(separator: "\n").contains { $0.hasPrefix(word) }, "\(result)")
  }

  @Test func `zsh takes its script`() throws {
    let folder = try TemporaryDirectory()
    try folder.write(
      try run([VipctlNode.binary, "--generate-completion-script", "zsh"]).output, to: "_vipctl")
    // Loaded as compinit does it: as a function, after a check of its syntax.
    let script =
      "zsh -n \(folder["_vipctl"]) && fpath=(\(folder.path) $fpath); autoload -Uz +X _vipctl && print ok"
    let result = try run(["env", "HOME=\(folder.path)", "zsh", "-f", "-c", script])
    #expect(result.status == 0 && result.output == "ok\n", "\(result.errors)")
  }
}
