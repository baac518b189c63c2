import VIPCore

/// The addresses of a pool, in order and without repetition.
struct AddressSpace: Sendable, Hashable {
  /// Blocks that neither overlap nor touch, IPv4 first, in order.
  private(set) var blocks: [AddressBlock] = []

  init(_ blocks: [AddressBlock] = []) {
    let sorted = blocks.sorted {
      $0.family != $1.family ? $0.family == .ipv4 : $0.first < $1.first
    }
    for block in sorted {
      guard let before = self.blocks.last, before.family == block.family,
        before.last == .max || block.first <= before.last + 1
      else {
        self.blocks.append(block)
        continue
      }
      self.blocks[self.blocks.count - 1] = AddressBlock(
        before.family, before.first, max(before.last, block.last))
    }
  }

  /// The blocks of one family.
  func blocks(_ family: AddressFamily) -> [AddressBlock] { blocks.filter { $0.family == family } }

  func contains(_ address: IPAddress) -> Bool {
    var low = 0
    var high = blocks.count
    let number = address.number
    while low < high {
      let middle = (low + high) / 2
      let block = blocks[middle]
      let isBefore =
        block.family != address.family ? block.family == .ipv4 : block.last < number
      if isBefore { low = middle + 1 } else { high = middle }
    }
    return low < blocks.count && blocks[low].contains(address)
  }

  /// How many addresses there are, or the largest number if they are more.
  var count: UInt128 {
    blocks.reduce(0) { sum, block in
      let (next, isMore) = sum.addingReportingOverflow(block.count)
      return isMore ? .max : next
    }
  }

  /// The first block that two spaces share.
  func overlap(with other: AddressSpace) -> AddressBlock? {
    for family in AddressFamily.allCases {
      var mine = blocks(family)[...]
      var theirs = other.blocks(family)[...]
      while let left = mine.first, let right = theirs.first {
        if left.overlaps(right) {
          return AddressBlock(family, max(left.first, right.first), min(left.last, right.last))
        }
        if left.last < right.last { mine.removeFirst() } else { theirs.removeFirst() }
      }
    }
    return nil
  }
}

/// Finds the lowest free address of one family of a pool.
///
/// All below the cursor have been in use once; those of them that came back are in a heap. What is
/// in use is known elsewhere: an address that was taken out of order is noticed when its turn
/// comes.
struct FreeAddresses: Sendable {
  private let blocks: [AddressBlock]
  private var block = 0
  private var cursor: UInt128
  private var returned = LowestFirst()

  init(_ blocks: [AddressBlock]) {
    self.blocks = blocks
    cursor = blocks.first?.first ?? 0
  }

  /// The lowest address for which the condition holds not; `nil` if there is none.
  ///
  /// It is not used up: it will be found again unless it is in use by then.
  mutating func lowest(except isInUse: (IPAddress) -> Bool) -> IPAddress? {
    while let number = returned.first, isInUse(IPAddress(family, number)) {
      returned.removeFirst()
    }
    while block < blocks.count, isInUse(IPAddress(family, cursor)) { advance() }
    let fresh = block < blocks.count ? cursor : nil
    guard let lowest = [returned.first, fresh].compactMap({ $0 }).min() else { return nil }
    return IPAddress(family, lowest)
  }

  /// Takes note of an address that is no longer in use.
  mutating func giveBack(_ address: IPAddress) {
    let number = address.number
    let isBehind = block >= blocks.count || number < cursor
    if isBehind, blocks.contains(where: { $0.contains(address) }) { returned.insert(number) }
  }

  private var family: AddressFamily { blocks.first?.family ?? .ipv4 }

  private mutating func advance() {
    guard cursor == blocks[block].last else {
      cursor += 1
      return
    }
    block += 1
    if block < blocks.count { cursor = blocks[block].first }
  }
}

/// A heap of numbers; one that is inserted twice is there twice.
private struct LowestFirst: Sendable {
  private var numbers: [UInt128] = []

  var first: UInt128? { numbers.first }

  mutating func insert(_ number: UInt128) {
    numbers.append(number)
    var place = numbers.count - 1
    while place > 0, numbers[place] < numbers[(place - 1) / 2] {
      numbers.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  mutating func removeFirst() {
    numbers.swapAt(0, numbers.count - 1)
    numbers.removeLast()
    var place = 0
    while true {
      let children = (2 * place + 1)..<min(2 * place + 3, max(2 * place + 1, numbers.count))
      guard let lowest = children.min(by: { numbers[$0] < numbers[$1] }),
        numbers[lowest] < numbers[place]
      else { return }
      numbers.swapAt(place, lowest)
      place = lowest
    }
  }
}
