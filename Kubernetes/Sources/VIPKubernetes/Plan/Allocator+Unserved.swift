import VIPCore

// Addresses that nodes can't serve, although they run the router.
extension Allocator {
  /// The addresses of a router that none of its candidates can serve, with what one of them says.
  ///
  /// There are none as long as one candidate runs the router without a problem.
  func unusableAddresses(of router: RouterState) -> [IPAddress: String] {
    let entries = router.candidates.compactMap { router.acknowledgements[$0.node] }
    guard let text = entries.compactMap(\.problem).min(),
      entries.allSatisfy({ $0.problem != nil })
    else { return [:] }
    let lists = entries.map(\.unserved).filter { !$0.isEmpty }
    var common = router.addresses
    for list in lists { common.formIntersection(list) }
    return Dictionary(uniqueKeysWithValues: common.map { ($0, text) })
  }

  /// What is said of an address that no node can serve.
  static func unusable(_ text: String) -> Refusal {
    Refusal(reason: "Unusable", message: "no node can serve it: \(text)")
  }

  /// Whether a candidate can take over all that another one serves.
  func canFollow(
    _ entry: VirtualRouter.Acknowledgement, _ node: String, in router: RouterState
  ) -> Bool {
    guard entry.problem != nil else { return true }
    let before = router.acknowledgements[node]
    return !entry.unserved.isEmpty
      && entry.unserved.allSatisfy { address in
        !router.addresses.contains(address) || before?.refuses(address) == true
      }
  }
}
