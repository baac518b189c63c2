// swift-tools-version: 6.2

import PackageDescription

// Speed of the pure modules, kept out of the package that others depend on. Run: see README.md.
let package = Package(
  name: "CoreBenchmarks",
  dependencies: [.package(name: "vipctl", path: "../..")],
  targets: [
    .target(name: "CAllocations"),
    .executableTarget(
      name: "CoreBenchmarks",
      dependencies: [
        "CAllocations", .product(name: "VRRP", package: "vipctl"),
        .product(name: "VRRPSimulation", package: "vipctl"),
        .product(name: "VIPCore", package: "vipctl"),
      ],
      swiftSettings: [.swiftLanguageMode(.v6)]),
  ]
)
