/// What a ``Reflector`` says.
public enum ReflectorEvent<Object: Decodable & Sendable>: Sendable {
  /// All objects, instead of all that has been said before: the first of all events about objects,
  /// and again after each new list.
  case listed(ReflectedList<Object>)
  /// An object is new, or has changed.
  case changed(ObjectReference, Object)
  /// An object is gone.
  case gone(ObjectReference)
  /// An object is there but can't be read; what was said of it before, if anything, is the last
  /// known.
  case skipped(ObjectReference?, problem: String)
  /// Changes are coming in from now on.
  case watching
  /// There is no connection, or it does not work: what was said before is the last known.
  case interrupted(APIError, retryIn: Duration)
  /// The server has an empty list where there were objects before; it is asked again before that is
  /// believed.
  case doubted(retryIn: Duration)
}

/// All objects of a selection, as a ``Reflector`` hands them out.
public struct ReflectedList<Object: Decodable & Sendable>: Sendable {
  /// The objects that can be read.
  public var objects: [(reference: ObjectReference, object: Object)]
  /// Those that have been there before and are no more.
  public var gone: [ObjectReference]
  /// Those that are there but can't be read.
  public var unreadable: [ObjectReference]
  /// Whether the server has gone back to a version of before, as after a restored backup: what is
  /// known of later versions is not true any more.
  public var hasGoneBack: Bool

  /// Makes a list.
  public init(
    objects: [(reference: ObjectReference, object: Object)], gone: [ObjectReference],
    unreadable: [ObjectReference], hasGoneBack: Bool = false
  ) {
    self.objects = objects
    self.gone = gone
    self.unreadable = unreadable
    self.hasGoneBack = hasGoneBack
  }
}

/// How a ``Reflector`` works.
public struct ReflectorOptions: Sendable, Hashable {
  /// How lists are read.
  public var list: ListOptions
  /// How changes are watched.
  public var watch: WatchOptions
  /// How long to wait after failures.
  public var backoff: Backoff
  /// The longest wait, by chance, before a list that replaces a watch whose version has expired.
  public var relistDelayMax: Duration
  /// How often, without an error between, an empty list has to be read before it replaces one that
  /// was not empty.
  public var emptyListCount: Int
  /// The time over which these readings are spread.
  public var emptyListPeriod: Duration

  /// Makes options; what is left out has its default.
  public init(
    list: ListOptions = ListOptions(
      request: RequestOptions(repetition: .always, repetitionsMax: 1)),
    watch: WatchOptions = WatchOptions(), backoff: Backoff = Backoff(),
    relistDelayMax: Duration = .seconds(2), emptyListCount: Int = 4,
    emptyListPeriod: Duration = .seconds(60)
  ) {
    self.list = list
    self.watch = watch
    self.backoff = backoff
    self.relistDelayMax = relistDelayMax
    self.emptyListCount = emptyListCount
    self.emptyListPeriod = emptyListPeriod
  }
}
