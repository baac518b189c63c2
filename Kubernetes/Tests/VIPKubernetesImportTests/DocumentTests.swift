import Foundation
import KubernetesClient
import ManifestChecks
import Testing
import VIPKubernetes
import VIPKubernetesImport
import VIPKubernetesManifests

/// The page about the other programs says what is so.
@Suite struct DocumentTests {
  private struct Block {
    var language: String
    var text: String
  }

  private static func page() throws -> String {
    var path = URL(filePath: #filePath)
    // The file, the target, Tests, Kubernetes.
    for _ in 0..<4 { path.deleteLastPathComponent() }
    return try String(
      contentsOf: path.appending(path: "Docs/Kubernetes-migration.md"), encoding: .utf8)
  }

  /// The fenced blocks, without what they are moved in by.
  private static func blocks() throws -> [Block] {
    var blocks: [Block] = []
    var open: Block?
    for line in try page().split(separator: "\n", omittingEmptySubsequences: false) {
      let text = line.drop { $0 == " " }
      if text.hasPrefix("```") {
        if let block = open { blocks.append(block) }
        open = open == nil ? Block(language: String(text.dropFirst(3)), text: "") : nil
      } else {
        let isIndented = open?.language == "console"
        open?.text += (isIndented ? String(text) : String(line)) + "\n"
      }
    }
    return blocks
  }

  private static func definition() throws -> Definition {
    try #require(Manifests().definitions.first { $0.kind == "AddressPool" })
  }

  private static func keys() throws -> Set<String> {
    guard case .object(let properties) = try definition().spec.kind else { return [] }
    return Set(properties.map(\.name))
  }

  /// A stream of objects without comments.
  private static func withoutComments(_ text: String) -> String {
    text.split(separator: "\n").filter { !$0.hasPrefix("#") }.joined(separator: "\n")
  }

  @Test func `what an object becomes, with the remarks`() throws {
    var result: PoolImport?
    var count = 0
    for block in try Self.blocks() where ["yaml", "text"].contains(block.language) {
      if block.language == "text" {
        let lines = result?.remarks.map(\.line) ?? []
        #expect(lines == block.text.split(separator: "\n").map { String($0) })
        result = nil
      } else if block.text.contains("kind: AddressPool") {
        let imported = try #require(result)
        #expect(Self.withoutComments(imported.yaml) == Self.withoutComments(block.text))
        for document in try JSONValue.documents(in: block.text) {
          #expect(SchemaCheck.problems(of: document, try Self.definition().schema, at: "") == [])
        }
        count += 1
      } else {
        // Remarks that the page does not show would be a surprise.
        if let result { #expect(result.remarks.isEmpty) }
        result = try PoolImport([
          ImportSource(name: "input.yaml", bytes: Array(block.text.utf8))
        ])
      }
    }
    #expect(count == 3)
    if let result { #expect(result.remarks.isEmpty) }
  }

  @Test func `keys of pools that tables and patches name exist`() throws {
    let keys = try Self.keys()
    var header: [Substring] = []
    var found = 0
    for line in try Self.page().split(separator: "\n", omittingEmptySubsequences: false) {
      guard line.hasPrefix("|") else {
        header = []
        continue
      }
      let cells = line.split(separator: "|", omittingEmptySubsequences: false).dropFirst()
        .dropLast()
      if header.isEmpty { header = Array(cells) }
      guard header.last?.contains("AddressPool") == true, let own = cells.last,
        !line.contains("---"), cells.elementsEqual(header) == false
      else { continue }
      for match in own.matches(of: #/`([A-Za-z]+)[^`]*`/#) {
        // A word of the others that is spoken of stands at the beginning of the row, too.
        let word = String(match.output.1)
        let isTheirs = cells.first?.contains(word) == true
        #expect(keys.contains(word) || isTheirs, "\(line)")
        found += 1
      }
    }
    #expect(found > 25)
    let service: Set = ["type", "loadBalancerClass"]
    let patches = try Self.page().matches(of: #/"spec":\{"([A-Za-z]+)"/#).map {
      String($0.output.1)
    }
    #expect(patches.count > 4 && patches.allSatisfy { keys.contains($0) || service.contains($0) })
  }

  @Test func `names of this project are those in the sources`() throws {
    let known: Set = [
      Annotation.pool, Annotation.addresses, Annotation.sharingKey, ConditionType.address,
      ClusterNode.maintenanceKey, "\(Definition.group)/\(Definition.version)",
      AllocatorOptions().loadBalancerClass,
    ]
    let names = try Self.page().matches(of: #/vipctl\.io\/[-A-Za-z0-9]+/#).map { String($0.output) }
    #expect(Set(names).isSubset(of: known), "\(Set(names).subtracting(known))")
    #expect(names.count > 10)
    let options = Manifests.Options()
    let namespaces = try Self.page().matches(of: #/-n ([a-z-]+)/#).map { String($0.output.1) }
    #expect(Set(namespaces).isSubset(of: [options.namespace, "kube-system"]))
    let plurals = try Manifests().definitions.map(\.plural)
    for kind in ["addresspools", "virtualrouters"] {
      #expect(try plurals.contains(kind) && Self.page().contains("kubectl get \(kind)"))
    }
  }

  @Test func `commands and flags exist`() throws {
    let uses = try Self.page().matches(of: #/vipctl-kubernetes ([a-z]+)((?: --?[a-z-]*)*)/#)
    var checked = 0
    for use in uses {
      let command = String(use.output.1)
      let help = try run([Program.path, command, "--help"]).output
      #expect(help.contains("USAGE: vipctl-kubernetes \(command) "), "\(use.output.0)")
      for flag in use.output.2.split(separator: " ") where flag != "-" {
        #expect(help.contains(" \(flag)"), "\(use.output.0)")
        checked += 1
      }
    }
    #expect(uses.count > 5 && checked > 1)
  }
}
