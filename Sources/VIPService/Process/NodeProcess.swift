import Glibc
public import VIP
public import VIPChecks
import VIPControl
import VIPConfiguration
import VIPCore
import VIPHooks
import VIPReports

/// A node as a process of its own: its files, its log and its end.
public struct NodeProcess: Sendable {
  /// The node.
  public let node: Node
  /// Runs the programs of the routers.
  private let hooks: HookService
  /// Runs the health checks that the routers use.
  private let checks: CheckService
  private let door: FrontDoor
  private let unready: UnreadyPolicy
  /// Keeps to a configuration file, if the node was started with one.
  private let reloader: Reloader?
  /// The pipe in which programs can read what happens.
  private let fifo = EventFIFO()
  /// Keeps what happens for those who ask after the node's end.
  private let archive: EventFile
  /// Tells what the machine is set to that does the node harm.
  private let machine: MachineWatch

  /// The time after which something is tried again without which the node runs.
  private static let retryPause = Duration.seconds(5)
  private let log = NodeLog()

  /// Claims the runtime directory, starts a node without routers and answers on its socket.
  ///
  /// A configuration is the file that a reload reads, and the routers it has now; the wording is
  /// that of the program around it. A node that may wait for routers does without what else it
  /// can't have: it tells of it and tries again.
  ///
  /// - Throws: ``ServiceError/Kind/alreadyRunning`` if a living node has claimed the directory.
  public init(
    directory path: String, settings: NodeSettings, endsWhenIdle: Bool = false,
    configuration: (path: String, routers: [String])? = nil, unready: UnreadyPolicy = .refuse,
    wording: Wording = Wording()
  ) throws(ServiceError) {
    self.unready = unready
    do throws(NodeError) {
      door = try FrontDoor(path, unready)
      archive = EventFile { [door] in door.eventsPath }
      var options = Node.Options(
        settings: settings, addressesPath: door.addressesPath, unready: unready, wording: wording)
      options.endsWhenIdle = endsWhenIdle
      let node = try Node(options)
      self.node = node
      node.keepAddressFile(onlyWhile: { [door] in door.isHeld })
      // So that a hook's vipctl asks this node.
      let hooks = try HookService(
        for: node, variables: ["VIPCTL_RUNTIME_DIR": absolutePath(door.path)])
      self.hooks = hooks
      let checks = try CheckService(
        for: node, variables: ["VIPCTL_RUNTIME_DIR": absolutePath(door.path)])
      self.checks = checks
      reloader = configuration.map { [fifo, archive] in
        Reloader(
          path: $0.path, node: node, names: $0.routers, fifo: fifo, checks: checks,
          archive: archive, unready: unready)
      }
      machine = MachineWatch(node)
      if unready == .refuse { try openDoor() }
    } catch {
      throw ServiceError(error)
    }
  }

  /// Starts a node without routers in the background, which writes its log to the runtime
  /// directory.
  ///
  /// - Parameters:
  ///   - path: the runtime directory.
  ///   - settings: the settings of the node.
  ///   - starter: the descriptor that leads to the process that started this one, and ends with it.
  ///   - stops: what to tell when that process is done.
  ///   - wording: how texts name the program.
  /// - Returns: the node, which serves once ``serveInBackground(starter:until:)`` is called.
  /// - Throws: ``ServiceError/Kind/alreadyRunning`` if a living node has claimed the directory.
  public static func inBackground(
    directory path: String, settings: NodeSettings, starter: Int32, until stops: Stops,
    wording: Wording = Wording()
  ) async throws(ServiceError) -> NodeProcess {
    let process = try NodeProcess(
      directory: path, settings: settings, endsWhenIdle: true, wording: wording)
    do throws(ServiceError) {
      try waitForStarter(starter, stops)
      try LogOutput.use(file: RuntimeDirectory.logPath(in: process.door.path))
    } catch {
      await process.end()
      throw error
    }
    return process
  }

  private static func waitForStarter(_ starter: Int32, _ stops: Stops) throws(ServiceError) {
    do throws(NodeError) {
      try DetachedThread.start("the thread that waits for the starter") {
        var byte: UInt8 = 0
        while read(starter, &byte, 1) > 0 {}
        stops.tell(.starterGone)
      }
    } catch {
      throw ServiceError(error)
    }
  }

  /// Lets other processes ask the node.
  private func openDoor() throws(NodeError) {
    let handler = ControlHandler(
      node: node, hooks: hooks, checks: checks, reloader: reloader, machine: machine)
    try door.open(stream: handler.stream, handler.answer)
  }

  /// Gets what the node could do without so far, or what others have removed; tells of what it
  /// still can't have.
  private func getTheRest() async {
    if door.isOpen {
      await keepDoorOpen()
    } else {
      do throws(NodeError) {
        let hadDirectory = door.addressesPath != nil
        try openDoor()
        if !hadDirectory, let path = door.addressesPath { await node.startAddressFile(at: path) }
        await node.tell(.controlSocket, nil)
      } catch {
        await node.tell(
          .controlSocket,
          "\(error); until that is over this node runs, but can't be asked or told anything")
      }
    }
    if fifo.makeAwaited() { await node.tell(.eventPipe, nil) }
  }

  /// Makes the files of the runtime directory again if others have removed them.
  private func keepDoorOpen() async {
    do throws(NodeError) {
      let isRestored = try door.restore()
      if isRestored {
        LogLine(
          .warning,
          "the control socket or the pid file in \(door.path) had been removed and is made again; "
            + "leave the files of a running node alone"
        ).write()
      }
      await node.tell(.controlSocket, nil)
      // Another node may have had the directory in between, with its own list.
      if isRestored || door.lacksAddresses { await node.rewriteAddressFile() }
    } catch {
      let effect =
        door.isReachable
        ? "another node may be started on \(door.path)"
        : "this node runs, but can't be asked or told anything"
      await node.tell(.controlSocket, "\(error); until that is over \(effect)")
    }
  }

  /// Tries again and again, until the task is cancelled.
  private func keepGettingTheRest() async {
    while (try? await Task.sleep(for: Self.retryPause)) != nil { await getTheRest() }
  }

  /// Runs a node's life on other threads while this one, the main thread, takes signals.
  ///
  /// To be called while the process has one thread: it blocks SIGTERM, SIGINT, SIGHUP, SIGUSR1 and
  /// SIGUSR2 in all of them, and ignores SIGPIPE.
  ///
  /// - Parameters:
  ///   - hintForReports: what to say to SIGUSR1 and SIGUSR2, which write reports elsewhere.
  ///   - life: the node's life; its result is the exit code of the process.
  public static func runToEnd(
    hintForReports: String? = nil, _ life: @escaping @Sendable (Stops) async -> Int32
  ) -> Never {
    // Before any other thread exists, so that all inherit it.
    Signals.block()
    let stops = Stops()
    Task.detached {
      // The first timer makes the runtime of the language ask for what it ends the process without:
      // before there is anything to leave behind.
      try? await Task.sleep(for: .milliseconds(1))
      exit(await life(stops))
    }
    Signals.take(stops, hintForReports: hintForReports)
  }

  /// Adds routers and keeps them until the process is told to stop.
  ///
  /// What happens is written to the FIFO at a path, if one is given. The health checks are those
  /// that routers may use.
  public func serve(
    _ routers: [RouterConfiguration], checks: [Check] = [], groups: [RouterGroup] = [],
    eventsPath: String?,
    until stops: Stops
  ) async throws(ServiceError) {
    let events = node.stampedEvents()
    let beginning = wallClock()
    keepEvents()
    do throws(ServiceError) {
      try fifo.move(to: eventsPath)
    } catch {
      guard unready == .wait else {
        await giveUp()
        throw error
      }
      fifo.expect(eventsPath)
      await node.tell(.eventPipe, error.description)
    }
    let following = fifo.follow(node.stampedEvents())
    if unready == .wait { await getTheRest() }
    do throws(CheckError) {
      try await self.checks.use(checks)
    } catch {
      await giveUp()
      throw ServiceError(.failed, error.description)
    }
    do throws(NodeError) {
      try await node.apply(routers, groups: groups, unready: unready)
      if unready == .refuse { try await node.waitUntilProbed(routers.map(\.name)) }
    } catch {
      // The failure is the only line then.
      await giveUp()
      throw ServiceError(error)
    }
    log.begin(
      LogLine(.info, "starting", fields: [("version", vipVersion), ("pid", "\(getpid())")]),
      at: beginning)
    let logging = log.follow(events)
    await logReady(routers.map(\.name))
    let manager = ServiceManager.ofThisProcess
    manager?.tell("READY=1\nMAINPID=\(getpid())")
    let watchdog = manager?.feedWatchdog(of: node)
    defer { watchdog?.cancel() }
    let watch = Task { await machine.run() }
    let rest = Task { await keepGettingTheRest() }
    defer {
      watch.cancel()
      rest.cancel()
    }
    var reason = "its events are over"
    for await cause in stops.causes {
      switch cause {
      case .signal(let number):
        manager?.tell("STOPPING=1")
        reason = Signals.name(number)
        logStop(number)
        StopLimit.shared.allow(await node.longestHandover + hooks.longestFinish)
      case .reload:
        // Not waited for: a hand-over takes its time, and a signal to stop must not wait for it.
        Task { await reload() }
        continue
      case .routerGone, .starterGone: continue
      }
      break
    }
    await end(because: reason)
    await logging.value
    await following.value
    fifo.close()
    LogLine(.info, "stopped").write()
  }

  /// Answers requests until it is stopped, or until it has no router left and the process that
  /// started it is done.
  ///
  /// The starter is the descriptor that leads to that process.
  public func serveInBackground(starter: Int32, until stops: Stops) async {
    keepEvents()
    await logReady([])
    let watch = Task { await machine.run() }
    let rest = Task { await keepGettingTheRest() }
    defer {
      watch.cancel()
      rest.cancel()
    }
    let logging = log.follow(node.stampedEvents()) { event in
      if case .removed = event { stops.tell(.routerGone) }
    }
    var isStarterGone = false
    var hasServed = false
    var reason = "it has no router left"
    loop: for await cause in stops.causes {
      switch cause {
      case .signal(let number):
        reason = Signals.name(number)
        logStop(number)
        StopLimit.shared.allow(await node.longestHandover + hooks.longestFinish)
        break loop
      case .starterGone:
        isStarterGone = true
        if await node.retireIfIdle() {
          // A node whose only router was refused has nothing to tell.
          if !hasServed {
            LogOutput.removeFile()
            archive.forget()
          }
          break loop
        }
        // The starter waits for our decision: this end of the connection says "I stay".
        close(starter)
      case .reload:
        await reload()
      case .routerGone:
        hasServed = true
        if isStarterGone, await node.retireIfIdle() { break loop }
      }
    }
    await end(because: reason)
    await logging.value
    LogLine(.info, "stopped").write()
  }

  /// Ends a node that is not to serve after all, without a trace.
  private func giveUp() async {
    archive.forget()
    await end()
    fifo.close()
  }

  /// Keeps what happens from now on, on another thread than the node's.
  private func keepEvents() {
    archive.follow(node.stampedEvents(), after: "vipctl \(vipVersion), pid \(getpid())")
  }

  /// Ends everything in order: the hand-over, the replies to those who asked for it, the node.
  ///
  /// Serving ends by itself with it; to be called for a process that is not to serve after all.
  public func end() async { await end(because: "it is not to serve") }

  private func end(because reason: String) async {
    await node.retire()
    await door.finish()
    await checks.finish()
    await hooks.finish()
    await node.shutdown()
    await archive.finish(reason)
    // The directory is ours until here: another node may start once it is released.
    door.leave()
  }

  private func reload() async {
    guard let reloader else {
      LogLine(.warning, "SIGHUP changes nothing: this node runs without a configuration file")
        .write()
      return
    }
    do throws(ControlFailure) {
      let report = try await reloader.reload()
      machine.lookAgain()
      // After what it has changed.
      log.add(
        LogLine(.info, "reloaded: \(ChangeText.summary(report))"),
        after: await node.lastEventNumber)
    } catch {
      // It is in the log.
    }
  }

  /// Says that the node runs, after what has happened until then.
  private func logReady(_ routers: [String]) async {
    let line = LogLine(
      .info, "ready",
      fields: [
        ("version", vipVersion), ("pid", "\(getpid())"), ("runtime-dir", door.path),
        ("routers", routers.joined(separator: ",")),
      ])
    log.add(line, after: await node.lastEventNumber)
  }

  private func logStop(_ signal: Int32) {
    LogLine(.info, "\(Signals.name(signal)): handing over and stopping").write()
  }
}
