import FoundationEssentials
import NIOHTTP1

/// All objects of a selection at one time.
public struct ObjectList<Object: Decodable & Sendable>: Sendable {
  /// The version from which a watch goes on.
  public var resourceVersion: String
  /// The objects.
  public var items: [Readable<Object>]

  /// Makes a list.
  public init(resourceVersion: String, items: [Readable<Object>]) {
    self.resourceVersion = resourceVersion
    self.items = items
  }
}

/// An object, or why it can't be read.
public enum Readable<Object: Decodable & Sendable>: Sendable {
  /// An object, with what names it.
  case object(ObjectReference, Object)
  /// Something that is no such object, with what names it if at least that can be read.
  case unreadable(ObjectReference?, problem: String)

  /// What names it.
  public var reference: ObjectReference? {
    switch self {
    case .object(let reference, _): reference
    case .unreadable(let reference, _): reference
    }
  }
}

extension Readable: Decodable {
  private enum CodingKeys: String, CodingKey { case metadata }

  /// Reads an object; never fails.
  public init(from decoder: any Decoder) throws {
    let container = try? decoder.container(keyedBy: CodingKeys.self)
    let reference = try? container?.decode(ObjectReference.self, forKey: .metadata)
    do throws(any Error) {
      let object = try Object(from: decoder)
      guard let reference else {
        self = .unreadable(nil, problem: "it has no name")
        return
      }
      self = .object(reference, object)
    } catch {
      self = .unreadable(reference, problem: KubernetesClient.describeDecoding(error))
    }
  }
}

/// How a list is read.
public struct ListOptions: Sendable, Hashable {
  /// How many objects are asked for at a time.
  public var pageSize: Int
  /// More objects than this are an error.
  public var objectCountMax: Int
  /// Options of each request.
  public var request: RequestOptions

  /// Makes options; what is left out has its default.
  public init(
    pageSize: Int = 500, objectCountMax: Int = 1_000_000, request: RequestOptions = .reading
  ) {
    self.pageSize = pageSize
    self.objectCountMax = objectCountMax
    self.request = request
  }
}

extension KubernetesClient {
  /// How often a list is begun again because its rest has expired.
  private static let listRestartsMax = 3

  /// Reads all objects of a selection as they are now, page by page.
  ///
  /// A list of which the rest is too old for the server is begun again with larger pages. Pages
  /// that are too long are asked for with fewer objects.
  public func list<Object>(
    _ resource: Resource<Object>, _ selection: Selection = .all,
    options: ListOptions = ListOptions()
  ) async throws(APIError) -> ObjectList<Object> {
    var pageSize = options.pageSize
    var restarts = 0
    while true {
      do throws(APIError) {
        return try await listOnce(resource, selection, options, &pageSize)
      } catch {
        guard error.isExpired, restarts < Self.listRestartsMax else { throw error }
        restarts += 1
        pageSize *= 4
      }
    }
  }

  private func listOnce<Object>(
    _ resource: Resource<Object>, _ selection: Selection, _ options: ListOptions,
    _ pageSize: inout Int
  ) async throws(APIError) -> ObjectList<Object> {
    var list = ObjectList<Object>(resourceVersion: "", items: [])
    var rest: String?
    repeat {
      do throws(APIError) {
        let page = try await page(resource, selection, options, pageSize, from: rest)
        list.items += page.items
        list.resourceVersion = page.resourceVersion
        rest = page.rest
      } catch .tooLarge where pageSize > 1 {
        pageSize /= 4
        if pageSize < 1 { pageSize = 1 }
      }
      guard list.items.count <= options.objectCountMax else {
        throw .unreadable("there are more than \(options.objectCountMax) \(resource.plural)")
      }
    } while rest != nil || list.resourceVersion.isEmpty
    return list
  }

  private func page<Object>(
    _ resource: Resource<Object>, _ selection: Selection, _ options: ListOptions,
    _ pageSize: Int, from rest: String?
  ) async throws(APIError) -> ListPage<Object> {
    var query = selection.query + [("limit", "\(pageSize)")]
    if let rest { query.append(("continue", rest)) }
    let bytes = try await perform(
      APIRequest(
        method: .GET, path: resource.path(namespace: selection.namespace), query: query,
        options: options.request))
    return try Self.decode(bytes)
  }
}

/// A part of a list.
private struct ListPage<Object: Decodable & Sendable>: Decodable {
  var resourceVersion: String
  /// What to ask for to get the rest; `nil` if there is none.
  var rest: String?
  var items: [Readable<Object>]

  private enum CodingKeys: String, CodingKey { case metadata, items }
  private enum MetadataKeys: String, CodingKey { case resourceVersion, rest = "continue" }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let metadata = try container.nestedContainer(keyedBy: MetadataKeys.self, forKey: .metadata)
    resourceVersion = try metadata.decode(String.self, forKey: .resourceVersion)
    guard !resourceVersion.isEmpty else {
      throw DecodingError.dataCorruptedError(
        forKey: .resourceVersion, in: metadata, debugDescription: "a list has a version")
    }
    let text = try metadata.decodeIfPresent(String.self, forKey: .rest) ?? ""
    rest = text.isEmpty ? nil : text
    // Go has `null` for an empty list.
    items = try container.decodeIfPresent([Readable<Object>].self, forKey: .items) ?? []
  }
}
