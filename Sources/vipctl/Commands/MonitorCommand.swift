import ARP
import ArgumentParser
import Glibc
import Netlink
import VIP
import VIPConfiguration
import VIPCore
import VIPMonitor
import VIPReports

struct MonitorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "monitor",
    abstract: "Watch the advertisements and announcements of a network, and what is wrong there.",
    usage: """
      vipctl monitor -i <if> [--summary] [--count <n>] [--for <time>] [--json]
      vipctl monitor -r <file> [--summary] [--count <n>] [--for <time>] [--json]
      """,
    discussion: """
      One line for each packet about the holder of an address, from an interface or a capture \
      (pcap or pcapng): VRRP of both versions, announcements and probes by ARP and Neighbor \
      Discovery, and what contradicts them. Ordinary ARP requests and replies are left out. \
      It only listens.

        vipctl monitor -i eth0
        vipctl monitor -i eth0 --summary --for 5s
        vipctl monitor -r trouble.pcap
        tcpdump -i eth0 -w - | vipctl monitor -r -

      Each line has a verdict: 'ok'; 'note', worth knowing; 'warning', something is wrong on the \
      network; 'rejected', receivers ignore the packet. The words after the dash say why.

      --summary shows the groups that were heard, what is wrong with them, and which VRIDs are \
      free. Listen for some intervals of the slowest group before you take one.
      """)

  @Option(
    name: [.customShort("i"), .long],
    help: ArgumentHelp("Listen on this network interface.", valueName: "if"),
    completion: Completions.interface)
  var interface: String?

  @Option(
    name: [.customShort("r"), .long],
    help: ArgumentHelp("Read this capture, - for standard input.", valueName: "file"),
    completion: .file())
  var read: String?

  @Flag(help: "Print what was learned instead of single packets.")
  var summary = false

  @Flag(help: "Print JSON: an object a line, or one with --summary.")
  var json = false

  @Option(
    help: ArgumentHelp("Stop after so many packets of interest.", valueName: "n"),
    transform: SettingText.packetCount)
  var count: Int?

  @Option(
    name: .customLong("for"),
    help: ArgumentHelp("Stop after this time.", valueName: "time"),
    transform: SettingText.timeout)
  var duration: Duration?

  func run() throws {
    var watch = Watch(count: count, format: summary ? nil : json ? .json : .text)
    let failure: Failure?
    let now: Instant?
    switch (interface, read) {
    case (let interface?, nil):
      try listen(on: interface, &watch)
      (failure, now) = (nil, wallClock())
    case (nil, let path?):
      failure = read(path, &watch)
      now = nil
    case (nil, nil):
      throw UsageErrors.failure(
        "nothing is named; give an interface with -i or a capture with -r", command: "monitor")
    case (_?, _?):
      throw UsageErrors.failure(
        "--interface and --read exclude each other; give one of them", command: "monitor")
    }
    if summary, failure == nil || watch.monitor.summary().counts.frames > 0 {
      let result = watch.monitor.summary(at: now)
      Terminal.print(
        json
          ? MonitorText.json(result)
          : MonitorText.render(
            result, colour: Terminal.wantsColour(STDOUT_FILENO),
            width: Terminal.width(of: STDOUT_FILENO)))
    }
    if let failure { throw failure }
  }

  // MARK: Live

  private func listen(on interface: String, _ watch: inout Watch) throws(Failure) {
    let missing = ProcessCapabilities.missing().filter { $0 == "CAP_NET_RAW" }
    guard missing.isEmpty else { throw Permissions.failure(missing) }
    let interruption = Interruption()
    do throws(FrameError) {
      // libpcap takes no alternative names.
      let links = (try? NetlinkKernel().links()) ?? []
      let name = links.first { $0.isCalled(interface) }?.name ?? interface
      let transport = try PcapTransport(interface: name, receiving: .segment)
      if isatty(STDERR_FILENO) == 1, duration == nil, count == nil {
        Terminal.printError("watching \(interface.onOneLine); Ctrl-C ends it")
      }
      let end = duration.map { ContinuousClock.now + $0 }
      while !watch.isFull {
        guard
          case .readable = interruption.wait(reading: transport.fileDescriptor, until: end)
        else { return }
        try transport.drain(limit: 256) { frame in
          watch.see(CapturedFrame(time: wallClock(), bytes: [UInt8](copying: frame)))
        }
      }
    } catch {
      throw Failure(error)
    }
  }

  // MARK: Capture

  /// Reads a capture to its end, or as far as it is sound; what was sound counts.
  private func read(_ path: String, _ watch: inout Watch) -> Failure? {
    var reader = CaptureReader()
    var end: Instant?
    do throws(FileError) {
      try InputFile.chunks(path) { chunk throws(FileError) in
        reader.append(chunk)
        do throws(CaptureFileError) {
          while !watch.isFull, let frame = try reader.next() {
            if end == nil, let duration { end = frame.time + duration }
            if let end, frame.time > end { return false }
            watch.see(frame)
          }
        } catch {
          throw FileError(.invalid, "\(InputFile.name(path)): \(error)")
        }
        return !watch.isFull
      } atEnd: { () throws(FileError) in
        do throws(CaptureFileError) {
          try reader.finish()
        } catch {
          throw FileError(.invalid, "\(InputFile.name(path)): \(error)")
        }
      }
    } catch {
      return Failure(error)
    }
    return nil
  }
}

/// A watch over a segment, and its output.
private struct Watch {
  enum Format {
    case text
    case json
  }

  var monitor = SegmentMonitor()
  /// Number of further packets that are wanted; `nil` for all.
  private var left: Int?
  /// The form in which they are printed; `nil` if they are not.
  private let format: Format?
  private let hasColour = Terminal.wantsColour(STDOUT_FILENO)

  init(count: Int?, format: Format?) {
    left = count
    self.format = format
  }

  var isFull: Bool { left == 0 }

  mutating func see(_ frame: CapturedFrame) {
    guard !isFull, let observation = monitor.observe(frame) else { return }
    if let left { self.left = left - 1 }
    switch format {
    case .text:
      Terminal.print(
        MonitorText.line(
          observation, colour: hasColour, width: Terminal.width(of: STDOUT_FILENO)))
    case .json: Terminal.print(MonitorText.json(observation))
    case nil: break
    }
  }
}

extension [UInt8] {
  /// A copy of bytes that are about to go away.
  fileprivate init(copying span: Span<UInt8>) {
    self.init(capacity: span.count) { output in
      for index in span.indices { output.append(span[index]) }
    }
  }
}
