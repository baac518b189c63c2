import VIP
import VIPCore

/// Requests that name routers by one of their addresses, that move roles, or ask for settings.
extension Node {
  /// A request with the names of the routers that it means by an address.
  ///
  /// - Throws: ``NodeError/Kind/unknownRouter`` if there is no such router, or if an address
  ///   belongs to several.
  func naming(_ request: ControlRequest) async throws(NodeError) -> ControlRequest {
    switch request {
    case .add(let word, let addresses):
      .add(router: try await routerName(meantBy: word), addresses: addresses)
    case .remove(let word, let addresses):
      .remove(router: try await routerName(meantBy: word), addresses: addresses)
    case .resign(let word, let time):
      .resign(router: try await routerName(meantBy: word), for: time)
    case .promote(let word): .promote(router: try await routerName(meantBy: word))
    case .resume(let word): .resume(router: try await routerName(meantBy: word))
    case .status(let word?): .status(try await routerName(meantBy: word))
    case .configuration(let word?):
      .configuration(router: try await routerName(meantBy: word))
    default: request
    }
  }

  /// The router that a word means: its name, or one of its addresses.
  private func routerName(meantBy word: String) async throws(NodeError) -> String {
    // The node knows best about names, also of routers that are leaving.
    if routerNames.contains(word) || InterfaceAddress(word) == nil { return word }
    let names = try await routerNames(meantBy: [word])
    guard let name = names.first, names.count == 1 else {
      throw NodeError(
        .unknownRouter,
        "several routers have the address \(word) (\(names.joined(separator: ", "))"
          + "); give the name of one")
    }
    return name
  }

  /// The settings of the node and its routers as they are, or of one router.
  ///
  /// - Throws: ``NodeError/Kind/unknownRouter``.
  func configuration(of name: String?) async throws(NodeError) -> ConfigurationRecord {
    guard let name else {
      return ConfigurationRecord(settings, routers: configurations, groups: groups)
    }
    let names = try await routerNames(meantBy: [name])
    return ConfigurationRecord(
      settings, routers: configurations.filter { names.contains($0.name) }, groups: [])
  }

  /// Does what a request says about the roles of routers, and tells where they stand then.
  func moveRole(
    _ request: ControlRequest, by requester: Requester?, _ complete: StatusCompletion
  ) async throws(NodeError) -> NodeRecord {
    var name: String?
    switch request {
    case .resign(let router, let time):
      name = router
      try await resign([router], for: time?.duration, by: requester)
    case .resignAll(let time):
      try await resign(runningRouterNames, for: time?.duration, by: requester)
    case .promote(let router):
      name = router
      try await promote(router, by: requester)
    case .resume(let router):
      name = router
      try resume([router], by: requester)
    case .resumeAll: try resume(routerNames, by: requester)
    default: break
    }
    return try await record(name, complete)
  }
}
