import Synchronization

/// The list of addresses that a node may hold, for its next life.
extension Node {
  /// Writes which addresses this node may hold from now on, so that its next life finds them; tells
  /// if that fails.
  func writeAddressFile(adding wanted: [RouterConfiguration] = []) async {
    guard let addressFile else { return }
    let routers = engine.allSettings + wanted
    let isHeld = directoryHolding.withLock { $0 }
    // Not on this thread, which must not wait for a disk, and one after the other.
    let before = lastAddressWrite
    let note = Task.detached { () -> NodeError? in
      _ = await before?.value
      do throws(NodeError) {
        // What is there may be another node's by now.
        if let isHeld, !isHeld() {
          throw NodeError(
            .alreadyRunning, "\(addressFile.path) is in a directory that this node has lost")
        }
        try addressFile.write(routers)
        return nil
      } catch {
        return error
      }
    }
    lastAddressWrite = note
    let text = await note.value.map { "\($0); after a crash addresses may be left behind" }
    tell(.addressFile, text)
  }

  /// Writes the list to a path from now on, for a process that could not have the path before.
  package func startAddressFile(at path: String) async {
    addressFile = AddressFile(path: path)
    await writeAddressFile()
  }

  /// Writes the list once more, where others have removed the list or the directory; a change that
  /// is under way does that itself.
  package func rewriteAddressFile() async {
    guard !isApplying, !isShuttingDown, !engine.routerNames.isEmpty else { return }
    await writeAddressFile()
  }

  /// Has the list written only while its directory is this process's.
  ///
  /// - Parameter isHeld: says whether it is; called on any thread.
  package nonisolated func keepAddressFile(onlyWhile isHeld: @escaping @Sendable () -> Bool) {
    directoryHolding.withLock { $0 = isHeld }
  }
}
