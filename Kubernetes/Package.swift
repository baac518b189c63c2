// swift-tools-version: 6.2

import PackageDescription

/// One list for all targets, the same as in the package above.
let common: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]

// What vipctl does in a Kubernetes cluster, apart from the package that others depend on: what
// talks to an API server brings SwiftNIO along.
let package = Package(
  name: "vipctl-kubernetes",
  products: [
    .library(name: "VIPKubernetes", targets: ["VIPKubernetes"])
  ],
  dependencies: [.package(name: "vipctl", path: "..")],
  targets: [
    .target(
      name: "VIPKubernetes",
      dependencies: [
        .product(name: "VIP", package: "vipctl"), .product(name: "VIPCore", package: "vipctl"),
        .product(name: "VRRP", package: "vipctl"),
      ],
      swiftSettings: common + [.strictMemorySafety()]),
    .testTarget(
      name: "VIPKubernetesTests",
      dependencies: [
        "VIPKubernetes", .product(name: "VIP", package: "vipctl"),
        .product(name: "VIPCore", package: "vipctl"), .product(name: "VRRP", package: "vipctl"),
        .product(name: "VRRPSimulation", package: "vipctl"),
      ],
      exclude: ["Stories"], swiftSettings: common),
  ]
)
