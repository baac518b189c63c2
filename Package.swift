// swift-tools-version: 6.2

import PackageDescription

/// One list for all targets: language mode 6, imports that say what they mean, no warning survives.
let common: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]
/// The pure modules also prove that they touch no unsafe memory.
let pure: [SwiftSetting] = common + [.strictMemorySafety()]

/// C of this package: the whole of Linux's interface, and no warning survives either.
let honestC: [CSetting] = [
  .define("_GNU_SOURCE"),
  .enableWarning("all"),
  .enableWarning("extra"),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "vipctl",
  products: [
    .library(name: "VIPCore", targets: ["VIPCore"]),
    .library(name: "VRRP", targets: ["VRRP"]),
    .library(name: "VRRPSimulation", targets: ["VRRPSimulation"]),
    .library(name: "Netlink", targets: ["Netlink"]),
    .library(name: "ARP", targets: ["ARP"]),
    .library(name: "VIP", targets: ["VIP"]),
    .library(name: "VIPControl", targets: ["VIPControl"]),
    .library(name: "VIPMonitor", targets: ["VIPMonitor"]),
    .library(name: "VIPHooks", targets: ["VIPHooks"]),
    .library(name: "VIPChecks", targets: ["VIPChecks"]),
    .library(name: "VIPConfiguration", targets: ["VIPConfiguration"]),
    .library(name: "VIPReports", targets: ["VIPReports"]),
    .library(name: "VIPService", targets: ["VIPService"]),
    .library(name: "VIPImport", targets: ["VIPImport"]),
    .library(name: "VIPTesting", targets: ["VIPTesting"]),
    .executable(name: "vipctl", targets: ["vipctl"]),
  ],
  dependencies: [
    // Arguments are the executable's; the libraries depend on nothing but libmnl, libpcap and
    // libyaml.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .systemLibrary(name: "CMNL", pkgConfig: "libmnl", providers: [.apt(["libmnl-dev"])]),
    .systemLibrary(name: "CPCAP", pkgConfig: "libpcap", providers: [.apt(["libpcap-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),

    // System calls that Glibc's overlay lacks, and the process that outlives a node.
    .target(name: "CLinux", cSettings: honestC),
    .target(name: "CGuard", cSettings: honestC),

    .target(name: "VIPCore", swiftSettings: pure),
    .target(name: "VRRP", dependencies: ["VIPCore"], swiftSettings: pure),
    .target(name: "VRRPSimulation", dependencies: ["VRRP", "VIPCore"], swiftSettings: pure),
    .target(name: "Netlink", dependencies: ["VIPCore", "CMNL"], swiftSettings: common),
    .target(name: "ARP", dependencies: ["VIPCore", "CPCAP"], swiftSettings: common),
    .target(
      name: "VIP", dependencies: ["VIPCore", "VRRP", "Netlink", "ARP", "CLinux", "CGuard"],
      swiftSettings: common),
    .target(
      name: "VIPControl", dependencies: ["VIP", "VIPCore", "VRRP", "ARP", "CLinux"],
      swiftSettings: common),
    .target(
      name: "VIPMonitor", dependencies: ["VIP", "VIPCore", "VRRP", "Netlink", "ARP"],
      swiftSettings: common),
    .target(
      name: "VIPHooks", dependencies: ["VIP", "VIPCore", "VRRP", "CLinux"], swiftSettings: common),
    .target(
      name: "VIPChecks", dependencies: ["VIP", "VIPCore", "VRRP", "Netlink", "CLinux"],
      swiftSettings: common),
    .target(
      name: "VIPConfiguration",
      dependencies: [
        "VIP", "VIPChecks", "VIPMonitor", "VIPCore", "VRRP", "Netlink", "ARP", "CYAML",
      ],
      swiftSettings: common),
    .target(
      name: "VIPImport", dependencies: ["VIPConfiguration", "VIP", "VIPCore", "VRRP", "ARP"],
      swiftSettings: common),
    .target(
      name: "VIPReports",
      dependencies: ["VIP", "VIPControl", "VIPMonitor", "VIPCore", "VRRP", "VRRPSimulation"],
      swiftSettings: common),
    .target(
      name: "VIPService",
      dependencies: [
        "VIP", "VIPControl", "VIPHooks", "VIPChecks", "VIPConfiguration", "VIPReports", "VIPCore",
        "VRRP",
      ],
      swiftSettings: common),
    // A kernel, a segment and whole nodes in memory, for tests.
    .target(
      name: "VIPTesting",
      dependencies: ["VIPCore", "VRRP", "VRRPSimulation", "Netlink", "ARP", "VIP"],
      swiftSettings: common),
    .executableTarget(
      name: "vipctl",
      dependencies: [
        "VIP", "VIPChecks", "VIPControl", "VIPMonitor", "VIPConfiguration", "VIPImport",
        "VIPReports", "VIPService", "VIPCore", "VRRP", "VRRPSimulation", "Netlink", "ARP",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: common),

    .target(name: "CTestSupport", path: "Tests/CTestSupport", cSettings: honestC),
    // Namespaces, real peers and a measuring client, for tests against the kernel.
    .target(
      name: "TestSupport", dependencies: ["VIPCore"], path: "Tests/Support",
      swiftSettings: common),
    .testTarget(
      name: "NetworkTests",
      dependencies: ["TestSupport", "VIPCore"], exclude: ["Program", "Keepalived"],
      swiftSettings: common),

    // The rules of the repository that no compiler checks.
    .testTarget(
      name: "TidyTests", dependencies: ["TestSupport", "vipctl", "VIP", "VIPConfiguration"],
      swiftSettings: common),

    // Compiles the C of CGuard and CLinux itself, with sanitizers.
    .testTarget(
      name: "CGuardTests", dependencies: ["TestSupport"], exclude: ["Program"],
      swiftSettings: common),
    .testTarget(
      name: "VIPCoreTests", dependencies: ["VIPCore", "TestSupport"], swiftSettings: common),
    .testTarget(name: "VRRPTests", dependencies: ["VRRP", "VIPCore"], swiftSettings: common),
    .testTarget(
      name: "VRRPSimulationTests", dependencies: ["VRRPSimulation", "VRRP", "VIPCore"],
      exclude: ["Transcripts"], swiftSettings: common),
    .testTarget(
      name: "NetlinkTests",
      dependencies: ["Netlink", "VIPCore", "VIPTesting", "CTestSupport", "TestSupport"],
      swiftSettings: common),
    .testTarget(
      name: "VIPTests",
      dependencies: [
        "VIP", "VIPHooks", "VIPCore", "VIPTesting", "VRRP", "Netlink", "ARP", "TestSupport",
      ],
      swiftSettings: common),
    .testTarget(
      name: "VIPChecksTests",
      dependencies: ["VIPChecks", "VIP", "VIPCore", "VIPTesting", "VRRP", "TestSupport"],
      swiftSettings: common),
    .testTarget(
      name: "VIPControlTests",
      dependencies: ["VIPControl", "VIP", "VIPCore", "VIPTesting", "VRRP", "ARP", "TestSupport"],
      swiftSettings: common),
    .testTarget(
      name: "VIPMonitorTests",
      dependencies: ["VIPMonitor", "VIP", "VIPCore", "VRRP", "VRRPSimulation", "ARP"],
      swiftSettings: common),
    .testTarget(
      name: "VIPConfigurationTests",
      dependencies: [
        "VIPConfiguration", "VIPChecks", "VIPReports", "VIPControl", "VIP", "VIPCore", "VRRP",
        "Netlink", "ARP", "TestSupport",
      ],
      swiftSettings: common),
    .testTarget(
      name: "VIPTestingTests",
      dependencies: ["VIPTesting", "VIP", "VIPCore", "VRRP", "VRRPSimulation", "Netlink", "ARP"],
      exclude: ["Stories"], swiftSettings: common),
    .testTarget(
      name: "VIPImportTests",
      dependencies: [
        "VIPImport", "VIPConfiguration", "VIP", "VIPCore", "VRRP", "VRRPSimulation", "ARP",
        "TestSupport",
      ],
      swiftSettings: common),
    .testTarget(
      name: "VIPReportsTests",
      dependencies: ["VIPReports", "VIP", "VIPControl", "VIPCore", "VRRP", "TestSupport"],
      swiftSettings: common),
    .testTarget(
      name: "VIPServiceTests",
      dependencies: [
        "VIPService", "VIPReports", "VIPConfiguration", "VIPControl", "VIP", "VIPCore",
        "VIPTesting", "TestSupport",
      ],
      swiftSettings: common),
    .testTarget(
      name: "ARPTests", dependencies: ["ARP", "VIPCore", "VIPTesting", "TestSupport"],
      swiftSettings: common),
    .testTarget(
      name: "vipctlTests",
      dependencies: [
        "vipctl", "VIP", "VIPConfiguration", "VIPControl", "VIPMonitor", "VIPReports", "VIPService",
        "VIPCore", "VRRP", "VRRPSimulation", "TestSupport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: common),
  ]
)
