import Foundation

/// A tcpdump that notes the VRRP advertisements and announcements of a segment.
///
/// It listens on the switch, so it sees what the nodes really put on their wires.
package final class Capture: Sendable {
  /// The capture file.
  package let path: String
  private let process: ChildProcess

  /// Starts to listen and returns once no packet can be missed any more.
  ///
  /// What a switch sends from port to port, to one machine alone, is seen at the port of a `node`
  /// only.
  package init(_ segment: Segment, at node: LabNode? = nil, name: String = "capture") throws {
    path = segment.directory["\(name).pcap"]
    process = try segment.switchboard.start(
      [
        "tcpdump", "-i", node?.port ?? "br0", "-w", path, "-U", "-s", "0", "-n", "-Z", "root",
        "--immediate-mode", "--time-stamp-precision=nano", "ip proto 112 or ip6 proto 112",
      ], logPath: segment.directory["\(name).log"])
    try eventually(
      "tcpdump listens", detail: { process.logTail },
      {
        try process.requireRunning()
        return process.log.contains("listening on")
      })
  }

  /// The advertisements that were captured so far.
  package func adverts() throws -> [Advert] {
    let file = FileManager.default.contents(atPath: path) ?? Data()
    return try PcapFile(Array(file)).frames.compactMap(Advert.init)
  }

  /// Stops listening and returns all advertisements.
  package func stop() throws -> [Advert] {
    process.signal(SIGINT)
    guard process.waitForExit(within: .seconds(5)) != nil else {
      throw LabError("tcpdump does not stop:\n\(process.logTail)")
    }
    return try adverts()
  }
}

/// The frames of a capture file in the classic format, as tcpdump writes it on this machine.
package struct PcapFile: Sendable {
  /// One frame.
  package struct Frame: Sendable {
    /// When it was captured.
    package let time: Moment
    /// Its bytes, from the Ethernet header on.
    package let bytes: [UInt8]
  }

  /// The frames in the order they came.
  package let frames: [Frame]

  /// Reads a file; one that is still being written may end within a frame.
  package init(_ file: [UInt8]) throws {
    func word(_ offset: Int) -> Int {
      (0..<4).reduce(0) { $0 | Int(file[offset + $1]) << (8 * $1) }
    }
    guard file.count >= 24 else {
      frames = []
      return
    }
    let unit: Int64
    switch word(0) {
    case 0xA1B2_C3D4: unit = 1000
    case 0xA1B2_3C4D: unit = 1
    case let magic: throw LabError("no capture file: starts with \(String(magic, radix: 16))")
    }
    guard word(20) == 1 else { throw LabError("not captured on Ethernet: type \(word(20))") }
    var frames: [Frame] = []
    var offset = 24
    while offset + 16 <= file.count {
      let start = offset + 16
      let end = start + word(offset + 8)
      guard end <= file.count else { break }
      let time = Int64(word(offset)) * 1_000_000_000 + Int64(word(offset + 4)) * unit
      frames.append(Frame(time: Moment(nanoseconds: time), bytes: Array(file[start..<end])))
      offset = end
    }
    self.frames = frames
  }
}
