import VIPCore

// Which addresses a Service keeps, loses and gets.
extension Allocator {
  /// Has a Service keep those of its addresses that are valid, and lose the others.
  mutating func settle(_ key: ObjectKey) {
    guard let service = services[key], !service.isUncertain else { return }
    stopWaiting(key)
    guard service.wantsAddresses else { return retire(service) }
    // Whether an address of it waits for another router is found out again.
    if service.waits.contains(.vrid) { dirtyAddresses.formUnion(service.held) }
    let claims = service.held.isEmpty ? service.published?.ingress ?? [] : service.held
    var kept: [IPAddress] = []
    for family in service.families {
      guard let claim = claims.first(where: { $0.family == family }) else { continue }
      if objection(to: claim, of: service) == nil { kept.append(claim) }
    }
    hold(kept, by: key)
    services[key]?.isChallenger = false
    unfulfilled.insert(key)
  }

  /// Why a Service can't go on with an address that it has; `nil` if it can.
  ///
  /// Of two Services that can't have the same address any more the one loses it that has changed.
  /// What has changed is not known of what was so before this allocator began: then the older one
  /// keeps it.
  private func objection(to address: IPAddress, of service: ServiceState) -> Refusal? {
    let state = addresses[address]
    if state?.router == nil, state?.leavingIn.isEmpty != false,
      !poolOrder.contains(where: { pools[$0]?.space.contains(address) == true })
    {
      return Refusal(reason: "AddressOutsidePools", message: "\(address)")
    }
    if state?.router == nil, nodeAddresses[address] != nil, !service.held.contains(address) {
      return Refusal(reason: "AddressOfNode", message: "\(address)")
    }
    for other in state?.users ?? [] where other != service.key {
      guard let other = services[other], yields(service, to: other) else { continue }
      if let refusal = service.canShare(with: other) { return refusal }
    }
    return nil
  }

  /// Which of two Services loses an address that both can't have.
  private func yields(_ service: ServiceState, to other: ServiceState) -> Bool {
    if service.isChallenger != other.isChallenger { return service.isChallenger }
    return other.rank < service.rank
  }

  /// Takes everything from a Service that asks for nothing, and what was written into its status:
  /// also from one whose deletion waits for others, before another Service gets what it had.
  private mutating func retire(_ service: ServiceState) {
    services[service.key]?.refusals = []
    let published = service.published?.ingress ?? []
    let isMarked = service.published?.condition != nil
    hold([], by: service.key)
    guard isMarked else { return }
    let left = published.filter { address in
      !service.held.contains(address) && addresses[address] == nil
        && !poolOrder.contains { pools[$0]?.space.contains(address) == true }
    }
    grant(left, to: service.key)
    dirtyVerdicts.insert(service.key)
  }

  /// Makes some addresses all that a Service has.
  private mutating func hold(_ ingress: [IPAddress], by key: ObjectKey) {
    guard let service = services[key] else { return }
    for address in ingress where addresses[address]?.users.contains(key) != true {
      // Those that have it decide again whether they can go on with it.
      dirtyServices.formUnion(addresses[address]?.users ?? [])
      update(address) { $0.users.append(key) }
      if let word = service.sharingKey { share(address, word) }
      dirtyAddresses.insert(address)
      dirtyVerdicts.insert(key)
    }
    services[key]?.held = ingress
    // Written down before anything becomes of what is free now.
    if service.wantsAddresses, service.published?.ingress != ingress || service.held != ingress {
      grant(ingress, to: key)
    }
    for address in service.held where !ingress.contains(address) { release(address, by: key) }
  }

  /// Has the addresses of a Service written down, behind all that was decided before.
  private mutating func grant(_ ingress: [IPAddress], to key: ObjectKey) {
    if grants.last?.key == key { grants.removeLast() }
    grants.append((key, ingress))
  }

  /// Takes an address from a Service.
  mutating func release(_ address: IPAddress, by key: ObjectKey) {
    services[key]?.seen.remove(address)
    update(address) { $0.users.removeAll { $0 == key } }
    dirtyVerdicts.insert(key)
    if let word = services[key]?.sharingKey { reviewSharing(word, address) }
    if addresses[address] != nil { dirtyAddresses.insert(address) }
    // Those that have it still decide again whether they can.
    let users = addresses[address]?.users ?? []
    dirtyServices.formUnion(users)
    // With one less there may be room for another one.
    for word in Set(users.compactMap { services[$0]?.sharingKey }) {
      opportunities[.sharing(word)] = .some(nil)
    }
  }

  /// Takes note that a Service with a sharing key has an address.
  mutating func share(_ address: IPAddress, _ word: String) {
    let isNews = sharedAddresses[word, default: []].insert(address).inserted
    if isNews { opportunities[.sharing(word)] = .some(nil) }
  }

  /// Keeps an address among those of a sharing key only while a Service with it has the address.
  mutating func reviewSharing(_ word: String, _ address: IPAddress) {
    let isShared = addresses[address]?.users.contains { services[$0]?.sharingKey == word } ?? false
    guard !isShared else { return }
    sharedAddresses[word]?.remove(address)
    if sharedAddresses[word]?.isEmpty == true { sharedAddresses[word] = nil }
  }

  /// Gives a Service what it asks for and doesn't have, and says why not.
  mutating func fulfil(_ key: ObjectKey) {
    guard let service = services[key], service.wantsAddresses, !service.isUncertain else { return }
    if let problem = requestProblem(of: service) { return refuse(service, [problem]) }
    var ingress: [IPAddress] = []
    var refusals: [Refusal] = []
    for family in service.families {
      let current = service.held.first { $0.family == family }
      do throws(Refusal) {
        ingress.append(try choose(family, for: service, instead: current))
      } catch {
        var refusal = error
        if let current {
          refusal.message += "; until then it keeps \(current)"
          ingress.append(current)
        }
        refusals.append(refusal)
      }
    }
    // No half of what makes sense only as a whole, but nothing is taken away on that account.
    if service.requiresAll, !refusals.isEmpty { ingress = service.held }
    if ingress != service.held { hold(ingress, by: key) }
    refuse(service, refusals)
  }

  /// Notes what a Service does not get, and what it waits for; what becomes of the routers is added
  /// later.
  private mutating func refuse(_ service: ServiceState, _ refusals: [Refusal]) {
    let key = service.key
    for key in refusals.flatMap(\.waits) { wait(service, for: key) }
    services[key]?.refusals = refusals
    dirtyVerdicts.insert(key)
    if !refusals.isEmpty { refused.insert(key) }
  }

  /// What is wrong with what a Service asks for as a whole.
  private func requestProblem(of service: ServiceState) -> Refusal? {
    if let problem = service.request.problem {
      return Refusal(reason: "BadRequest", message: "\(problem); correct or remove it")
    }
    let foreign = service.request.addresses.first { !service.families.contains($0.family) }
    return foreign.map {
      Refusal(
        reason: "BadRequest",
        message:
          "\($0) is of a family that the Service does not have; add it to spec.ipFamilies, or "
          + "ask for an address of another family")
    }
  }

  /// Has a Service try again when something becomes free.
  mutating func wait(_ service: ServiceState, for key: WaitKey) {
    waiting[key, default: WaiterQueue()].insert(service.rank)
    services[service.key]?.waits.insert(key)
  }

  /// Takes a Service out of all queues.
  mutating func stopWaiting(_ key: ObjectKey) {
    guard let service = services[key] else { return }
    for wait in service.waits {
      waiting[wait]?.remove(service.rank)
      if waiting[wait]?.isEmpty == true { waiting[wait] = nil }
    }
    services[key]?.waits = []
  }
}
