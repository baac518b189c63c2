import Foundation
import Testing

/// The rules of the repository that no compiler checks: which module may import what, and where C
/// is called.
@Suite struct ModuleTests {
  /// What each module may import; the arrows of Docs/Architecture.md.
  static let allowed: [String: Set<String>] = [
    "VIPCore": [],
    "VRRP": ["VIPCore"],
    "VRRPSimulation": ["VIPCore", "VRRP"],
    "Netlink": ["VIPCore", "CMNL", "Glibc"],
    "ARP": ["VIPCore", "CPCAP", "Glibc"],
    "VIP": [
      "VIPCore", "VRRP", "Netlink", "ARP", "CLinux", "CGuard", "Glibc", "Synchronization",
    ],
    "VIPControl": ["VIPCore", "VRRP", "ARP", "VIP", "CLinux", "Glibc", "Synchronization"],
    "VIPHooks": ["VIPCore", "VRRP", "VIP", "CLinux", "Glibc", "Synchronization"],
    "VIPChecks": [
      "VIPCore", "VRRP", "Netlink", "VIP", "CLinux", "Glibc", "Synchronization",
    ],
    "VIPMonitor": ["VIPCore", "VRRP", "Netlink", "ARP", "VIP", "Glibc"],
    "VIPConfiguration": [
      "VIPCore", "VRRP", "Netlink", "ARP", "VIP", "VIPChecks", "VIPMonitor", "Glibc", "CYAML",
    ],
    "VIPImport": ["VIPCore", "VRRP", "ARP", "VIP", "VIPConfiguration", "Glibc"],
    "VIPReports": [
      "VIPCore", "VRRP", "VRRPSimulation", "VIP", "VIPControl", "VIPMonitor", "Glibc",
      "Synchronization", "FoundationEssentials",
    ],
    "VIPService": [
      "VIPCore", "VRRP", "ARP", "VIP", "VIPControl", "VIPHooks", "VIPChecks", "VIPConfiguration",
      "VIPReports",
      "Glibc", "Synchronization", "FoundationEssentials",
    ],
    "VIPTesting": [
      "VIPCore", "VRRP", "VRRPSimulation", "Netlink", "ARP", "VIP", "Glibc", "Synchronization",
    ],
    "vipctl": [
      "VIPCore", "VRRP", "VRRPSimulation", "Netlink", "ARP", "VIP", "VIPChecks", "VIPControl",
      "VIPMonitor", "VIPConfiguration", "VIPImport", "VIPReports", "VIPService", "Glibc",
      "ArgumentParser",
    ],
  ]

  /// The C beside them: maps of system libraries, and C of this package.
  static let c = ["CMNL", "CPCAP", "CYAML", "CLinux", "CGuard"]

  @Test(arguments: allowed.keys.sorted())
  func `a module imports only what its place allows`(module: String) throws {
    let allowed = try #require(Self.allowed[module])
    let files = try Repository.swiftFiles(under: "Sources/\(module)")
    #expect(!files.isEmpty)
    for file in files {
      for line in try file.lines {
        guard let imported = line.import else { continue }
        #expect(allowed.contains(imported.module), "\(file.path): imports \(imported.module)")
      }
    }
  }

  @Test func `every module under Sources has its rule`() throws {
    let modules = try FileManager.default
      .contentsOfDirectory(atPath: Repository.root.appending(path: "Sources").path)
      .filter { !Self.c.contains($0) }
    #expect(Set(modules) == Set(Self.allowed.keys))
  }

  /// The tables of modules are complete.
  @Test(arguments: ["Docs/Embedding.md", "Docs/Architecture.md", "CHANGELOG.md"])
  func `each product is named`(path: String) throws {
    let package = try Document.named("Package.swift").text
    let products = package.matches(of: #/\.(?:library|executable)\(\s*name: "(\w+)"/#)
      .map { String($0.output.1) }
    #expect(Set(products) == Set(Self.allowed.keys))
    let text = try Document.named(path).text
    for product in products {
      let isNamed =
        path == "CHANGELOG.md" ? text.contains("`\(product)") : text.contains("| `\(product)` |")
      #expect(isNamed, "\(path) does not name \(product)")
    }
  }

  @Test func `C never shows in a signature`() throws {
    for file in try Repository.swiftFiles(under: "Sources") {
      for line in try file.lines {
        guard let imported = line.import, (Self.c + ["Glibc"]).contains(imported.module)
        else { continue }
        #expect(
          imported.access == nil || imported.access == "internal",
          "\(file.path): \(imported.access ?? "") import \(imported.module)")
      }
    }
  }

  @Test(arguments: [
    ("mnl_", "Netlink/NetlinkSocket.swift"), ("pcap_", "ARP/PcapTransport.swift"),
    ("yaml_", "VIPConfiguration/Reading/YAMLParser.swift"), ("vip_guard_", "VIP/Guard/"),
  ])
  func `a C library is called from one place`(prefix: String, home: String) throws {
    let call = try Regex("\\b\(prefix)[a-z0-9_]+\\(")
    var callers: Set<String> = []
    for file in try Repository.swiftFiles(under: "Sources")
    where try file.lines.contains(where: { $0.code.contains(call) }) {
      callers.insert(file.path)
    }
    #expect(!callers.isEmpty && callers.allSatisfy { $0.hasPrefix("Sources/\(home)") })
  }

  /// A header of a system library that grows declarations of its own is C that no compiler checks.
  @Test(arguments: ["CMNL", "CPCAP", "CYAML"])
  func `a map of a system library has nothing but its header`(module: String) throws {
    let folder = Repository.root.appending(path: "Sources/\(module)")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(Set(files) == ["module.modulemap", "shim.h"])
    let header = try String(contentsOf: folder.appending(path: "shim.h"), encoding: .utf8)
    let lines = header.split(separator: "\n").filter { !$0.hasPrefix("//") }
    #expect(lines.allSatisfy { $0 == "#pragma once" || $0.hasPrefix("#include <") })
    #expect(lines.count == 2)
  }

  /// The first process of a container waits for every child that was not noted; the end of one that
  /// was only forgotten would be lost.
  @Test func `a file that starts a child notes it`() throws {
    var found = 0
    for file in try ["VIP", "VIPHooks", "VIPChecks"].flatMap({
      try Repository.swiftFiles(under: "Sources/\($0)")
    }) {
      let code = try file.lines.map(\.code)
      guard code.contains(where: { $0.contains("vip_start(") }) else { continue }
      found += 1
      #expect(code.contains { $0.contains("Children.start") }, "\(file.path): Children.start {…}")
      #expect(code.contains { $0.contains("Children.finished") }, "\(file.path)")
    }
    #expect(found > 0)
  }

  /// A library serves any program, which gives it its words; see `Wording` and `ImportWording`.
  @Test func `no library knows the command line`() throws {
    // The name in a path, of a file or metric, or at the start of a mark is no word to a user.
    let word = try Regex("--[a-z][a-z]|(^|[^/a-zA-Z])vipctl($|[^.:/_a-zA-Z])")
    for file in try Repository.swiftFiles(under: "Sources")
    where file.module != "vipctl" {
      for (number, line) in try file.lines.enumerated() {
        #expect(!line.code.contains(word), "\(file.path):\(number + 1)")
      }
    }
  }

  /// What belongs to the whole process is changed where a process is run; and for a node that asks
  /// for real-time scheduling, which is of no use without locked memory.
  @Test func `no library changes its process`() throws {
    let call = try Regex(
      "(^|[^._a-zA-Z])(umask|chdir|setsid|setenv|putenv|unsetenv|sigaction|signal|setrlimit|mlockall|pthread_sigmask)\\("
    )
    let realtime = try Regex("(^|[^._a-zA-Z])(vip_lock_memory|vip_limit_realtime)\\(")
    var realtimeFiles: Set<String> = []
    for file in try Repository.swiftFiles(under: "Sources")
    where !["vipctl", "VIPService"].contains(file.module) {
      for (number, line) in try file.lines.enumerated() {
        let isDeclaration = line.code.contains("func ")
        #expect(isDeclaration || !line.code.contains(call), "\(file.path):\(number + 1)")
        if line.code.contains(realtime) { realtimeFiles.insert(file.path) }
      }
    }
    #expect(realtimeFiles == ["Sources/VIP/Loop/Realtime.swift"])
  }

  @Test func `nothing is left for later`() throws {
    let marker = try Regex("\\b(TODO|FIXME|XXX|HACK)\\b")
    for folder in ["Sources", "Tests"] {
      for file in try Repository.swiftFiles(under: folder)
      where !file.path.hasPrefix("Tests/TidyTests/") {
        for (number, line) in try file.lines.enumerated() {
          #expect(!line.text.contains(marker), "\(file.path):\(number + 1)")
        }
      }
    }
  }
}
