import Foundation
import TestSupport
import Testing
import VIPCore
import VRRP
import VIP

@testable import VIPConfiguration
@testable import VIPImport

/// Lines for some machines, definitions, lines that stand for several, and files of other systems.
@Suite struct KeepalivedConditionTests: ImportSuite {
  private func imported(_ text: String, as machine: String) throws -> KeepalivedImport {
    let folder = try TemporaryDirectory()
    try folder.write(text, to: "k.conf")
    return try KeepalivedImport(folder["k.conf"], configID: machine)
  }

  @Test func `each machine gets its lines`() throws {
    let text = Self.instance(
      "@a priority 200\n@^a priority 50\n@b nopreempt\nunicast_peer {\n@^a 192.0.2.1\n@^b 192.0.2.2\n}"
    )
    let first = try #require(try imported(text, as: "a").routers.first).configuration
    let second = try #require(try imported(text, as: "b").routers.first).configuration
    #expect(first.priority.rawValue == 200 && second.priority.rawValue == 50)
    #expect(first.preempts && !second.preempts)
    #expect(first.peers.map(\.description) == ["192.0.2.2"])
    #expect(second.peers.map(\.description) == ["192.0.2.1"])
    #expect(try imported(text, as: "a").remarks == [])
  }

  @Test func `without a name the machine's own is taken, and said`() throws {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, 255)
    let host = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let short = try #require(host.split(separator: ".").first)
    let result = try imported(Self.instance("@\(short) priority 200\n@\(short)x priority 50"))
    #expect(result.routers.first?.configuration.priority.rawValue == 200)
    #expect(
      result.remarks.map { "\($0.kind.rawValue) \($0.text)" } == [
        "note lines that begin with '@' are read as on '\(short)'; another name reads them as on "
          + "another machine"
      ])
  }

  @Test func `peers that are all for other machines are no reason for multicast`() throws {
    let result = try imported(
      Self.instance("unicast_peer {\n@a 192.0.2.1\n@b 192.0.2.2\n}"), as: "c")
    #expect(result.routers.isEmpty)
    #expect(
      result.remarks.map { "\($0.kind.rawValue) \($0.text)" } == [
        "lost vrrp_instance web is left out: no usable peer is named in 'unicast_peer', and without "
          + "one it would advertise by multicast"
      ])
  }

  @Test func `definitions of several words and lines`() throws {
    let result = try imported(
      """
      $TWO= priority 33  
      $EMPTY=
      @a $WHERE=eth1
      @^a $WHERE=eth2
      $BODY= \\
        virtual_router_id ${ID} \\
        @a advert_int 7 \\

      $ID=9
      vrrp_instance ${_INSTANCE} {
        interface $WHERE
        $TWO
        $BODY
        $EMPTY
        virtual_ipaddress { 192.0.2.1
        }
        notify "/bin/x ${_HASH}${_BANG} ${NONE}"
      }
      """, as: "a")
    #expect(result.remarks == [])
    let router = try #require(result.routers.first).configuration
    #expect(router.name == "a" && router.interface == "eth1" && router.vrid.rawValue == 9)
    #expect(router.priority.rawValue == 33 && router.interval.description == "7s")
    #expect(router.hooks.active.prefix(3) == ["/bin/x", "#!", "${NONE}"])
  }

  @Test func `lines that are read several times`() throws {
    let text = """
      ~LST(N, 1, 2) ~SEQ(M, 1, 2) vrrp_instance r${N}${M} {
      }
      $ONE= \\
        vrrp_instance s${N} { \\
          interface eth0 \\
          virtual_router_id ${N} \\
          virtual_ipaddress { \\
            ~SEQx(M, 9, 11) 192.0.2.${N}${M} \\
          } \\
        }
      ~SEQ(N, 7, -3, 1) $ONE
      """
    // keepalived puts the line in again as a whole: each opens a block, and one line closes one.
    #expect(throws: FileError.self) { try imported(text, as: "a") }
    let usable = text.split(separator: "\n").dropFirst(2).joined(separator: "\n")
    let routers = try imported(usable, as: "a").routers.map(\.configuration)
    #expect(routers.map(\.name) == ["s7", "s4", "s1"])
    #expect(routers.last?.addresses.map(\.description) == ["192.0.2.19/32"])
  }

  @Test func `loops without end`() throws {
    for text in ["~SEQ(A, 1, 99999999999) $X=1", "~SEQ(A, 1, 999999) ~SEQ(B, 1, 999999) @x y"] {
      let folder = try TemporaryDirectory()
      try folder.write(text + "\n", to: "k.conf")
      let failure = #expect(throws: FileError.self) { try KeepalivedImport(folder["k.conf"]) }
      #expect(
        failure?.description
          == "\(folder["k.conf"]):1: sequences and lists have too many turns; write out what you need"
      )
    }
  }

  @Test func `an include on a conditional line is none`() throws {
    let result = try imported(Self.instance("", before: "@a include x.conf"), as: "a")
    #expect(
      result.remarks.map(\.text) == [
        "keepalived reads no 'include' on a line that is conditional or has a definition in it; write "
          + "it out"
      ])
  }

  @Test func `line ends, a byte order mark, and bytes that are no text`() throws {
    let folder = try TemporaryDirectory()
    func result(_ bytes: [UInt8]) throws -> KeepalivedImport {
      try Data(bytes).write(to: URL(filePath: folder["k.conf"]))
      return try KeepalivedImport(folder["k.conf"], configID: "a")
    }
    let text = Self.instance("priority 77 # caf").split(separator: "\n")
    let plain = text.joined(separator: "\r\n").utf8 + Array("\r\n".utf8)
    #expect(try result(Array(plain)).routers.first?.configuration.priority.rawValue == 77)
    let marked = try result([0xEF, 0xBB, 0xBF] + plain)
    #expect(marked.routers.count == 1)
    #expect(
      marked.remarks.map(\.line) == [
        "\(folder["k.conf"]):1: note: the file begins with a byte order mark, with which keepalived "
          + "doesn't know the first word; here it is passed over"
      ])
    let comment = Array("# ".utf8) + [0xE9, 0xFF] + Array("\n".utf8) + plain
    #expect(try result(comment).remarks == [])
    let failure = #expect(throws: FileError.self) { try result(plain + [0xE9, 0x0A]) }
    #expect(
      failure?.description
        == "\(folder["k.conf"]):8: not UTF-8 text; is this a keepalived configuration? Other bytes may "
        + "stand in comments only")
  }
}
