// swift-tools-version: 6.2

import PackageDescription

/// One list for all targets.
///
/// Manifests can't share code: the package above has the same list, and `ManifestTests` compares
/// them.
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
    .library(name: "KubernetesClient", targets: ["KubernetesClient"]),
    .library(name: "Kubeconfig", targets: ["Kubeconfig"]),
    .library(name: "VIPKubernetes", targets: ["VIPKubernetes"]),
    .library(name: "VIPKubernetesRuntime", targets: ["VIPKubernetesRuntime"]),
    .library(name: "VIPKubernetesManifests", targets: ["VIPKubernetesManifests"]),
    .library(name: "VIPKubernetesImport", targets: ["VIPKubernetesImport"]),
    .executable(name: "vipctl-kubernetes", targets: ["vipctl-kubernetes"]),
  ],
  dependencies: [
    .package(name: "vipctl", path: ".."),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    // Reads what is imported, and in tests what is printed.
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    .target(
      name: "KubernetesClient",
      dependencies: [
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ],
      swiftSettings: common),
    // Where developers have an API server, and who they are there.
    .target(
      name: "Kubeconfig",
      dependencies: ["KubernetesClient", .product(name: "Yams", package: "Yams")],
      swiftSettings: common),
    .target(
      name: "VIPKubernetesRuntime",
      dependencies: [
        "KubernetesClient", "VIPKubernetes", .product(name: "VIP", package: "vipctl"),
        .product(name: "VIPControl", package: "vipctl"),
        .product(name: "VIPCore", package: "vipctl"),
        .product(name: "VIPReports", package: "vipctl"),
        .product(name: "VIPService", package: "vipctl"),
        .product(name: "Netlink", package: "vipctl"), .product(name: "VRRP", package: "vipctl"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: common),
    .executableTarget(
      name: "vipctl-kubernetes",
      dependencies: [
        "Kubeconfig", "KubernetesClient", "VIPKubernetes", "VIPKubernetesImport",
        "VIPKubernetesManifests", "VIPKubernetesRuntime",
        .product(name: "VIP", package: "vipctl"), .product(name: "VIPReports", package: "vipctl"),
        .product(name: "VIPService", package: "vipctl"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: common),
    .testTarget(
      name: "KubernetesClientTests",
      dependencies: [
        "Kubeconfig", "KubernetesClient", "ManifestChecks", "VIPKubernetes",
        "VIPKubernetesManifests", "VIPKubernetesRuntime",
        .product(name: "VIP", package: "vipctl"), .product(name: "VIPCore", package: "vipctl"),
        .product(name: "VIPControl", package: "vipctl"),
        .product(name: "VIPReports", package: "vipctl"),
        .product(name: "VIPService", package: "vipctl"),
        .product(name: "VIPTesting", package: "vipctl"),
        .product(name: "ARP", package: "vipctl"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Netlink", package: "vipctl"), .product(name: "VRRP", package: "vipctl"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ],
      swiftSettings: common),
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
    // Against a control plane, see Lab/. They run the program that is built beside them. The links
    // in Support/Shared lead to what the package above has for its tests.
    .testTarget(
      name: "ClusterTests",
      dependencies: [
        "VIPKubernetes", .product(name: "VIPCore", package: "vipctl"),
        .product(name: "VRRP", package: "vipctl"),
      ],
      swiftSettings: common),
    .target(
      name: "VIPKubernetesManifests", swiftSettings: common + [.strictMemorySafety()]),
    // Pools of other programs.
    .target(
      name: "VIPKubernetesImport",
      dependencies: [
        "VIPKubernetes", "VIPKubernetesManifests", .product(name: "VIPCore", package: "vipctl"),
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: common),
    .testTarget(
      name: "VIPKubernetesImportTests",
      dependencies: [
        "KubernetesClient", "ManifestChecks", "VIPKubernetes", "VIPKubernetesImport",
        "VIPKubernetesManifests", .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: common),
    // What an API server would say to an object or a request, for tests.
    .target(
      name: "ManifestChecks",
      dependencies: [
        "KubernetesClient", "VIPKubernetesManifests",
        .product(name: "VIPCore", package: "vipctl"),
      ],
      path: "Tests/ManifestChecks", swiftSettings: common),
    .testTarget(
      name: "VIPKubernetesManifestsTests",
      dependencies: [
        "KubernetesClient", "ManifestChecks", "VIPKubernetes", "VIPKubernetesManifests",
        "VIPKubernetesRuntime", .product(name: "VIPCore", package: "vipctl"),
        .product(name: "VRRP", package: "vipctl"), .product(name: "Yams", package: "Yams"),
      ],
      exclude: ["vipctl-kubernetes.yaml"], swiftSettings: common),
  ]
)
