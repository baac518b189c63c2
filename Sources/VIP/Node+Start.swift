import VIPCore

extension Node {
  /// The means that a node needs beside its machine when it starts, as far as it can have them.
  struct Start {
    /// The file in which it notes the addresses that it may hold.
    let file: AddressFile?
    /// The addresses that an earlier node has noted there.
    private(set) var leftovers: Set<AddressFile.Entry>?
    /// The routes and rules that it has noted there.
    private(set) var routing: [Extra] = []
    /// The reason why that is not believed.
    private(set) var problem: NodeProblem?

    /// Reads what an earlier node has noted.
    ///
    /// - Throws: why it is not believed, unless the node does without.
    init(_ options: Options) throws(NodeError) {
      file = options.addressesPath.map(AddressFile.init)
      do throws(NodeError) {
        leftovers = try file?.read()
        routing = try file?.readRouting() ?? []
      } catch {
        guard options.unready == .wait else { throw error }
        problem = NodeProblem(
          .addressFile, "\(error); what an earlier node has left behind is not removed")
      }
    }

    /// Makes the loop of the node.
    ///
    /// - Returns: the loop, and what is wrong with it if the node does without real-time
    ///   scheduling.
    /// - Throws: why it can't have that, unless it does without.
    func loop(
      _ poller: Poller, _ options: Options
    ) throws(NodeError) -> (EventLoop, NodeProblem?) {
      do throws(NodeError) {
        return (
          try EventLoop(poller, isRealtime: options.settings.isRealtime, options.wording), nil
        )
      } catch {
        guard options.unready == .wait, options.settings.isRealtime else { throw error }
        let problem = NodeProblem(.realtime, Self.withoutRealtime(error))
        return (try EventLoop(poller, isRealtime: false, options.wording), problem)
      }
    }

    /// The warning of a node that does without real-time scheduling.
    static func withoutRealtime(_ error: NodeError) -> String {
      "\(error); the node goes on at the ordinary priority"
    }
  }
}
