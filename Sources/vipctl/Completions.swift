import ArgumentParser
import Netlink
import VIP
import VIPControl
import VIPCore
import VIPService

/// Suggestions of a shell for a word: names that only this machine knows.
///
/// A person waits at the prompt: whatever can't be found out at once is not offered, silently.
enum Completions {
  private static let patience = Duration.milliseconds(300)

  /// The routers of the running node, by name.
  static let router = CompletionKind.custom { words, _, _ in
    unique(status(words).map(\.name))
  }

  /// The routers of the running node, by name or address.
  static let routerOrAddress = CompletionKind.custom { words, _, _ in
    let routers = status(words)
    return unique(routers.map(\.name)) + addresses(of: routers)
  }

  /// The addresses of the router that is named before them.
  static let addressOfRouter = CompletionKind.custom { words, _, _ in
    addresses(of: status(words).filter { words.contains($0.name) })
  }

  /// The network interfaces that lead to other machines.
  static let interface = CompletionKind.custom { _, _, _ in
    let links = (try? NetlinkKernel().links()) ?? []
    return links.filter { !$0.isLoopback }.map(\.name)
  }

  static let configuration = CompletionKind.file(extensions: ["yaml", "yml"])

  private static func status(_ words: [String]) -> [RouterRecord] {
    let client = NodeClient(directory: RuntimeOptions.directory(directory(in: words)))
    guard case .done(let status) = try? client.ask(.status(nil), timeout: patience) else {
      return []
    }
    return status.routers
  }

  /// The runtime directory, as far as the line names one.
  static func directory(in words: [String]) -> String? {
    let flag = "--runtime-dir"
    if let index = words.lastIndex(of: flag), index + 1 < words.count { return words[index + 1] }
    return words.last { $0.hasPrefix(flag + "=") }.map { String($0.dropFirst(flag.count + 1)) }
  }

  private static func addresses(of routers: [RouterRecord]) -> [String] {
    routers.flatMap { $0.addresses.map(\.address.address.description) }
  }

  private static func unique(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }
}
