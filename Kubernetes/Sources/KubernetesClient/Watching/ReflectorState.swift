/// What a ``Reflector`` knows, and what follows from what the server says: a value without clock
/// and network.
struct ReflectorState<Object: Decodable & Sendable>: Sendable {
  /// Whether a watch can go on after an event.
  enum Continuation: Sendable, Hashable {
    case more
    /// The watch ends for this reason.
    case stop(APIError)
  }

  private let options: ReflectorOptions
  /// The version from which the watch goes on; `nil` if a list has to come first.
  private(set) var resourceVersion: String?
  /// The objects that have been handed out, or were known before.
  private(set) var known: [ObjectName: ObjectReference]
  /// The version of the last list, bookmark or event.
  private var newest: String?
  /// The first of the empty lists that are not believed yet, and how many they are.
  private var empty: (since: Duration, count: Int)?

  init(known: [ObjectReference], options: ReflectorOptions) {
    self.known = Dictionary(known.map { ($0.name, $0) }) { $1 }
    self.options = options
  }

  /// Takes a list; no events if it is not believed yet.
  mutating func take(
    _ list: ObjectList<Object>, at now: Duration
  ) -> [ReflectorEvent<Object>]? {
    if list.items.isEmpty, !known.isEmpty {
      let before = empty ?? (since: now, count: 0)
      empty = (before.since, before.count + 1)
      let isConfirmed =
        before.count + 1 >= options.emptyListCount
        && now - before.since >= options.emptyListPeriod
      guard isConfirmed else { return nil }
    }
    empty = nil
    resourceVersion = list.resourceVersion
    var reflected = ReflectedList<Object>(
      objects: [], gone: [], unreadable: [], hasGoneBack: hasGoneBack(list))
    newest = list.resourceVersion
    var skipped: [ReflectorEvent<Object>] = []
    var names: [ObjectName: ObjectReference] = [:]
    for item in list.items {
      if let reference = item.reference { names[reference.name] = reference }
      switch item {
      case .object(let reference, let object): reflected.objects.append((reference, object))
      case .unreadable(let reference, let problem):
        if let reference { reflected.unreadable.append(reference) }
        skipped.append(.skipped(reference, problem: problem))
      }
    }
    reflected.gone = known.values.filter { names[$0.name] == nil }.sorted { $0.name < $1.name }
    known = names
    return [.listed(reflected)] + skipped
  }

  /// Whether a list is of a version before what has been read already, as a whole or of an object.
  private func hasGoneBack(_ list: ObjectList<Object>) -> Bool {
    if let newest, ResourceVersion.isOlder(list.resourceVersion, than: newest) { return true }
    return list.items.contains { item in
      guard let reference = item.reference, let before = known[reference.name],
        before.uid == reference.uid
      else { return false }
      return ResourceVersion.isOlder(reference.resourceVersion, than: before.resourceVersion)
    }
  }

  /// Takes an event of a watch.
  mutating func take(
    _ event: WatchEvent<Object>
  ) -> (events: [ReflectorEvent<Object>], continuation: Continuation) {
    switch event {
    case .added(let item), .modified(let item): return take(item)
    case .deleted(let reference):
      if let stop = advance(to: reference) { return ([], stop) }
      guard let before = known.removeValue(forKey: reference.name) else { return ([], .more) }
      return ([.gone(before)], .more)
    case .bookmark(let version):
      if let resourceVersion, !ResourceVersion.isOlder(version, than: resourceVersion),
        !version.isEmpty
      {
        self.resourceVersion = version
        newest = version
      }
      return ([], .more)
    case .error(let status):
      let error = APIError.status(status)
      failed(error)
      return ([], .stop(error))
    case .unreadable(let problem):
      // What it was about is not known, and so is what has to be read again.
      resourceVersion = nil
      return ([.skipped(nil, problem: problem)], .stop(.unreadable(problem)))
    }
  }

  private mutating func take(
    _ item: Readable<Object>
  ) -> (events: [ReflectorEvent<Object>], continuation: Continuation) {
    guard let reference = item.reference else {
      resourceVersion = nil
      let problem = "an object without a name"
      return ([.skipped(nil, problem: problem)], .stop(.unreadable(problem)))
    }
    // Said twice.
    if known[reference.name]?.uid == reference.uid, !reference.resourceVersion.isEmpty,
      known[reference.name]?.resourceVersion == reference.resourceVersion
    {
      return ([], .more)
    }
    if let stop = advance(to: reference) { return ([], stop) }
    known[reference.name] = reference
    switch item {
    case .object(_, let object): return ([.changed(reference, object)], .more)
    case .unreadable(_, let problem): return ([.skipped(reference, problem: problem)], .more)
    }
  }

  /// Takes note of the version of an event, unless it is older than what has been before.
  private mutating func advance(to reference: ObjectReference) -> Continuation? {
    let version = reference.resourceVersion
    guard !version.isEmpty, let resourceVersion else { return nil }
    guard !ResourceVersion.isOlder(version, than: resourceVersion) else {
      self.resourceVersion = nil
      return .stop(
        .unreadable("version \(version.prefix(40)) came after \(resourceVersion.prefix(40))"))
    }
    self.resourceVersion = version
    newest = version
    return nil
  }

  /// Takes note that a request has failed.
  mutating func failed(_ error: APIError) {
    // What was read before an error does not confirm what is read after it.
    empty = nil
    guard let status = error.status else { return }
    let isPassing = [401, 403, 429].contains(status.code) || status.code >= 500
    if error.isExpired || error.isVersionTooLarge || !isPassing { resourceVersion = nil }
  }

}
