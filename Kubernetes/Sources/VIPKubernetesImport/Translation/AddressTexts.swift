import VIPCore
import VIPKubernetes

/// The addresses of a pool, as they come from another program.
struct AddressTexts: Sendable {
  private(set) var blocks: [AddressBlock] = []
  /// What stands under `addresses` of the pool.
  private(set) var texts: [String] = []
  /// The first network that became a range, and how many others did.
  private var widened: (line: Int, network: String, range: String)?
  private var widenedCount = 0

  /// Adds an address, a range or a network.
  ///
  /// - Parameters:
  ///   - text: the text of the other program.
  ///   - line: its line.
  ///   - isWhole: whether all addresses of a network of IPv4 are given to Services there, also the
  ///     first and the last one. Those of IPv6 always are.
  ///   - book: gets a remark if it is none.
  mutating func add(
    _ text: String, at line: Int, isWhole: Bool = true, _ book: inout RemarkBook
  ) {
    do throws(AddressBlockError) {
      try add(text, line, isWhole)
    } catch {
      book.lost(line, "'\(text.shortened)' is left out: \(error)")
    }
  }

  private mutating func add(
    _ text: String, _ line: Int, _ isWhole: Bool
  ) throws(AddressBlockError) {
    let text = text.filter { $0 != " " }
    guard text.utf8.count <= 100, text.contains("/"), let network = InterfaceAddress(text) else {
      return append(try AddressBlock(parsing: text))
    }
    let bits = network.family.addressBitCount - network.prefixLength
    let mask: UInt128 = bits == 128 ? .max : (1 << UInt128(bits)) - 1
    // Others ignore what stands behind the prefix.
    let base = network.address.number & ~mask
    let canonical = "\(IPAddress(network.family, base))/\(network.prefixLength)"
    guard bits >= 2, isWhole || network.family == .ipv6 else {
      let block = try AddressBlock(parsing: canonical)
      return bits >= 2 ? append(block, canonical) : append(block)
    }
    let range = AddressBlock(network.family, base, base | mask)
    append(try AddressBlock(parsing: range.description))
    if widened == nil { widened = (line, canonical, range.description) } else { widenedCount += 1 }
  }

  private mutating func append(_ block: AddressBlock, _ text: String? = nil) {
    blocks.append(block)
    texts.append(text ?? block.description)
  }

  /// Takes out the addresses of IPv4 that end with 0 or 255.
  ///
  /// - Returns: whether it could be done with as many entries as a pool may have.
  mutating func removeRoundEnds() -> Bool {
    var rest = AddressTexts()
    for block in blocks {
      guard block.family == .ipv4 else {
        rest.append(block)
        continue
      }
      let networks = block.first >> 8...block.last >> 8
      guard networks.upperBound - networks.lowerBound < UInt128(NameForm.listCountMax) else {
        return false
      }
      for network in networks {
        let first = max(block.first, network << 8 + 1)
        let last = min(block.last, network << 8 + 254)
        if first <= last { rest.append(AddressBlock(.ipv4, first, last)) }
      }
    }
    guard rest.texts.count <= NameForm.listCountMax else { return false }
    let changed = widened.map { rest.texts.contains($0.range) } ?? false
    if changed {
      rest.widened = widened
      rest.widenedCount = widenedCount
    }
    self = rest
    return true
  }

  /// Says what has become of networks.
  func tell(_ book: inout RemarkBook) {
    guard let widened else { return }
    let others =
      switch widenedCount {
      case 0: ""
      case 1: ", and so does 1 other"
      default: ", and so do \(widenedCount) others"
      }
    book.note(
      widened.line,
      "\(widened.network) becomes the range \(widened.range)\(others), since not all addresses of a "
        + "network are given to Services here; write the network if its ends are those of the nodes' "
        + "subnet")
  }

  /// Ends the list.
  ///
  /// - Throws: if there is nothing in it.
  mutating func finish(_ line: Int, _ book: inout RemarkBook) throws(LeftOut) {
    guard !texts.isEmpty else {
      throw LeftOut(line, "it has no address that could be used; correct its addresses")
    }
    guard texts.count > NameForm.listCountMax else { return }
    book.lost(
      line,
      "only the first \(NameForm.listCountMax) of \(texts.count) entries of 'addresses' are taken; "
        + "make another pool for the rest")
    texts.removeSubrange(NameForm.listCountMax...)
    blocks.removeSubrange(NameForm.listCountMax...)
  }
}
