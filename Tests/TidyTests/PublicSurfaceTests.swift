import Foundation
import TestSupport
import Testing

/// What the products offer is written down, so that a change of it is seen and meant.
@Suite struct PublicSurfaceTests {
  private static let extractor = PublicSurface.extractor
  private static let folder = "Docs/API"

  private func surface(_ product: String) throws -> PublicSurface {
    try PublicSurface(of: product, by: #require(Self.extractor))
  }

  @Test(
    .enabled(if: extractor != nil || Laboratory.isCI, "no swift-symbolgraph-extract here"),
    arguments: PublicSurface.products)
  func `a product offers what its listing says, each with a comment`(product: String) throws {
    let surface = try surface(product)
    let undocumented = surface.symbols.filter { !$0.isDocumented }.map {
      $0.path.joined(separator: ".")
    }
    #expect(undocumented == [], "\(product): public declarations without a comment")

    let file = Repository.root.appending(path: "\(Self.folder)/\(product).txt")
    if ProcessInfo.processInfo.environment["VIP_UPDATE_API"] != nil {
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try surface.listing.write(to: file, atomically: true, encoding: .utf8)
    } else {
      let written = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
      let (old, new) = (Set(written.lines), Set(surface.listing.lines))
      #expect(
        written == surface.listing,
        """
        gone: \(old.subtracting(new).sorted()); new: \(new.subtracting(old).sorted()); \
        if that is meant, 'make api' writes it down
        """)
    }
  }

  @Test func `each product has a listing and each listing a product`() throws {
    #expect(PublicSurface.products.contains("VIP") && PublicSurface.products.count >= 8)
    let listings = try FileManager.default
      .contentsOfDirectory(atPath: Repository.root.appending(path: Self.folder).path)
    #expect(listings.sorted() == PublicSurface.products.map { $0 + ".txt" }.sorted())
  }
}

extension String {
  fileprivate var lines: [Substring] { split(separator: "\n") }
}
