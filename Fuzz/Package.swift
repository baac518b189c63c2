// swift-tools-version: 6.2

import PackageDescription

// Fuzzers of the pure modules, kept out of the package that others depend on. Built and run by
// `Fuzz/run`, which also instruments the modules under test.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .unsafeFlags(["-parse-as-library"]),
]

let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "vipctl", path: "..")],
  targets: [.target(name: "Driver", swiftSettings: [.swiftLanguageMode(.v6)])]
    + ["FuzzAdvertisement", "FuzzElection", "FuzzScenario"].map { name in
      .executableTarget(
        name: name,
        dependencies: [
          "Driver",
          .product(name: "VRRP", package: "vipctl"),
          .product(name: "VRRPSimulation", package: "vipctl"),
          .product(name: "VIPCore", package: "vipctl"),
        ],
        swiftSettings: settings)
    }
)
