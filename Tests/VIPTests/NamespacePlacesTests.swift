import Glibc
import TestSupport
import Testing
import VIPCore

@testable import VIP

/// What nodes claim in the network namespace of this process, beside other processes and one
/// another.
@Suite(.serialized) struct NamespacePlacesTests {
  private static let canStartOthers = geteuid() == 0 && ProcessCapabilities.missing().isEmpty

  private let folder: TemporaryDirectory
  /// The number of no interface.
  private let index: Int32 = 1 << 20
  private let address: IPAddress

  init() throws {
    folder = try TemporaryDirectory()
    address = try #require(IPAddress("198.18.77.1"))
  }

  private var places: Range<Int64> {
    let place = LinuxAddressRegistry.place(of: address, onInterface: index)
    return place..<place + 1
  }

  private func registry(isBare: ((Int32) -> Bool)? = nil) -> LinuxAddressRegistry {
    LinuxAddressRegistry(NamespacePlaces(isBare: isBare))
  }

  /// Another process that has locked the place of the address, started by some command.
  private func other(
    _ label: String, by command: [String] = [], owner: Claimant.Owner = .process
  ) throws -> ChildProcess {
    let process = try ChildProcess(
      command + Claimant.command(places, owner: owner), logPath: folder[label])
    try eventually("it has the place", detail: { process.log }) {
      try process.requireRunning()
      return process.log.contains("taken")
    }
    return process
  }

  private static let bare = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

  /// The bytes of the namespace's file that this process has locked, by the kernel's own account.
  private func locked() -> [Range<Int64>] {
    // Not by a descriptor: its end would be that of the locks.
    var status = stat()
    guard stat("/proc/thread-self/ns/net", &status) == 0 else { return [] }
    return LockList.entries(ofFile: status).filter { $0.pid == getpid() }.map(\.range)
  }

  // MARK: Nodes of one process

  @Test func `two nodes of one process don't have one address`() throws {
    let (first, second) = (registry(), registry())
    #expect(first.claim([address], onInterface: index) == nil)
    let conflict = try #require(second.claim([address], onInterface: index))
    #expect(conflict.address == address)
    #expect(conflict.holder == NameHolder(pid: getpid(), user: geteuid()))
    #expect(conflict.holder?.description == "in this process")
    #expect(second.claim([address], onInterface: index + 1) == nil)
    // It gives up only what it has.
    second.release([address], onInterface: index)
    #expect(second.claim([address], onInterface: index)?.address == address)
    first.release([address], onInterface: index)
    #expect(second.claim([address], onInterface: index) == nil)
  }

  @Test func `of several addresses none is claimed if one is another node's`() throws {
    let more = try ["198.18.77.2", "198.18.78.1"].map { try #require(IPAddress($0)) }
    let (first, second) = (registry(), registry())
    #expect(first.claim([more[1]], onInterface: index) == nil)
    #expect(second.claim([address] + more, onInterface: index)?.address == more[1])
    #expect(first.claim([address, more[0]], onInterface: index) == nil)
  }

  @Test func `the end of a node leaves the locks of the others`() throws {
    let neighbour = try #require(IPAddress("198.18.77.2"))
    let first = registry()
    #expect(first.claim([address], onInterface: index) == nil)
    do {
      let second = registry()
      #expect(second.claim([neighbour], onInterface: index) == nil)
      #expect(locked().contains { $0.contains(places.lowerBound + 1) })
      withExtendedLifetime(second) {}
    }
    let all = locked()
    #expect(all.contains { $0.contains(places.lowerBound) })
    #expect(!all.contains { $0.contains(places.lowerBound + 1) })
    // What has ended has nothing any more.
    #expect(first.claim([neighbour], onInterface: index) == nil)
  }

  @Test func `beyond the limit addresses have no lock, and are still kept from others`() throws {
    let scattered = (0..<UInt32(NamespacePlaces.rangeCountMax + 50)).map {
      IPAddress.v4(IPv4Address(rawValue: 0xC613_0000 + 2 * $0))
    }
    let (first, second) = (registry(), registry())
    #expect(first.claim(scattered, onInterface: index) == nil)
    // Other tests have some names meanwhile.
    #expect(locked().count < NamespacePlaces.rangeCountMax + 25)
    for address in scattered {
      #expect(second.claim([address], onInterface: index)?.address == address)
    }
    // A name always has one.
    let names = LinuxNameRegistry()
    let name = "test-limit-\(getpid())"
    #expect(try names.claimName(name))
    #expect(locked().contains { $0.contains(LinuxNameRegistry.place(of: name).lowerBound) })
    names.releaseName(name)
    // What is given up makes room.
    first.release(scattered, onInterface: index)
    #expect(second.claim([address], onInterface: index) == nil)
    #expect(locked().contains { $0.contains(places.lowerBound) })
    withExtendedLifetime(second) {}
  }

  @Test func `neighbours that come one by one are one range`() throws {
    let count = UInt32(NamespacePlaces.rangeCountMax + 50)
    let node = registry()
    for number in 0..<count {
      let address = IPAddress.v4(IPv4Address(rawValue: 0xC612_8000 + number))
      #expect(node.claim([address], onInterface: index) == nil)
    }
    let last = LinuxAddressRegistry.place(
      of: .v4(IPv4Address(rawValue: 0xC612_8000 + count - 1)), onInterface: index)
    #expect(locked().contains { $0.contains(last) })
    withExtendedLifetime(node) {}
  }

  // MARK: Other processes

  @Test(.enabled(if: canStartOthers))
  func `a process that can be a node keeps what it has`() throws {
    let process = try other("node")
    let conflict = try #require(registry().claim([address], onInterface: index))
    #expect(conflict.holder == NameHolder(pid: process.pid, user: 0))
    #expect(registry().foreign([address], onInterface: index)?.holder?.pid == process.pid)
    #expect(
      AddressClaims.foreign([address], onInterfaces: [index, index + 1]).map(\.interfaceIndex)
        == [index])
    process.signal(SIGKILL)
    #expect(process.waitForExit(within: .seconds(10)) != nil)
    #expect(registry().claim([address], onInterface: index) == nil)
  }

  @Test(.enabled(if: canStartOthers))
  func `a process that can't be a node keeps none from its addresses`() throws {
    let processes = [
      try other("bare", by: Self.bare),
      // Capabilities in a user namespace of its own are none here.
      try other("userns", by: ["unshare", "--map-root-user"]),
      try other("file", owner: .file),
    ]
    #expect(registry().claim([address], onInterface: index) == nil)
    #expect(registry().foreign([address], onInterface: index) == nil)
    for process in processes { try process.requireRunning() }
  }

  @Test(.enabled(if: canStartOthers))
  func `the lock of a process that can't be a node hides none of a node`() throws {
    let bare = try other("bare", by: Self.bare)
    let node = try other("node")
    let conflict = try #require(registry().claim([address], onInterface: index))
    #expect(conflict.holder == NameHolder(pid: node.pid, user: 0))
    try bare.requireRunning()
  }

  @Test(.enabled(if: canStartOthers))
  func `a lock that belongs to no process hides none of a node`() throws {
    let file = try other("file", owner: .file)
    let node = try other("node")
    #expect(registry().claim([address], onInterface: index)?.holder?.pid == node.pid)
    try file.requireRunning()
  }

  @Test func `a process is described as far as it can be seen`() {
    #expect(
      NameHolder(pid: 0, user: nil).description
        == "a process in another PID namespace, which is taken for a node")
    #expect(
      NameHolder(pid: 0, user: 7).description
        == "a process of user 7 in another PID namespace, which is taken for a node")
    #expect(NameHolder(pid: Int32.max, user: nil).description == "process 2147483647")
  }

  @Test func `users of another user namespace are seen from outside`() {
    let all: [[UInt32]] = [[0, 0, .max]]
    func isElsewhere(_ its: [[UInt32]], _ ours: [[UInt32]]) -> Bool {
      NamespaceRights.isElsewhere(its, unlike: ours)
    }
    #expect(!isElsewhere(all, all))
    #expect(isElsewhere([[0, 1000, 1]], all), "an own one of user 1000")
    #expect(isElsewhere([], all), "one without users")
    let container: [[UInt32]] = [[0, 100_000, 65536]]
    #expect(!isElsewhere(container, container))
    #expect(isElsewhere([[0, 0, 1]], container), "one in the container")
    #expect(!isElsewhere([[0, .max, .max]], container), "one around the container")
  }

  // MARK: The kernel's list

  @Test func `the locks of processes on one file are found in the list`() {
    let text = """
      1: POSIX  ADVISORY  READ  4711 00:04:4026531833 12 14
      1: -> POSIX  ADVISORY  WRITE 4712 00:04:4026531833 12 14
      2: FLOCK  ADVISORY  WRITE 4713 00:04:4026531833 0 EOF
      3: OFDLCK ADVISORY  READ  -1 00:04:4026531833 0 EOF
      4: POSIX  ADVISORY  READ  4714 00:04:4026531834 12 14
      5: POSIX  ADVISORY  READ  4715 00:04:4026531833 20 EOF
      6: POSIX  ADVISORY  READ  4716 00:04:4026531833 20 9223372036854775807
      7: POSIX  ADVISORY  READ  4717 00:04:4026531833 2
      """
    #expect(
      LockList.entries(Array(text.utf8), name: "00:04:4026531833") == [
        LockList.Entry(pid: 4711, range: 12..<15),
        LockList.Entry(pid: 4715, range: 20..<Int64.max),
        LockList.Entry(pid: 4716, range: 20..<Int64.max),
      ])
  }

  // MARK: Names

  /// A socket of a name that no node has.
  private func squat(_ name: String, listens: Bool) throws -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let address = try #require(UnixAddress(abstract: "vipctl/\(name)"))
    #expect(address.bind(descriptor) == 0)
    if listens { #expect(listen(descriptor, 1) == 0) }
    return descriptor
  }

  @Test(arguments: [true, false])
  func `the socket of a process that is no node keeps none from its name`(listens: Bool) throws {
    let name = "test-squat-\(listens)-\(getpid())"
    let socket = try squat(name, listens: listens)
    let isBare: (Int32) -> Bool = { $0 == getpid() }
    let first = LinuxNameRegistry(isBare: isBare)
    let second = LinuxNameRegistry(isBare: isBare)
    #expect(try first.claimName(name) && first.claimName(name))
    // Nor does it hide which node has the name.
    #expect(try !second.claimName(name))
    #expect(second.nameHolder(name) == NameHolder(pid: getpid(), user: geteuid()))
    close(socket)
    #expect(try !second.claimName(name))
    first.releaseName(name)
    #expect(try second.claimName(name))
  }

  @Test func `the socket of a process that may be a node keeps others from its name`() throws {
    let name = "test-known-\(getpid())"
    let socket = try squat(name, listens: true)
    let names = LinuxNameRegistry { _ in false }
    #expect(try !names.claimName(name))
    #expect(names.nameHolder(name) == NameHolder(pid: getpid(), user: geteuid()))
    close(socket)
    // What was refused has left no lock.
    #expect(try LinuxNameRegistry().claimName(name))
  }

  @Test func `names of neighbouring VRIDs are neighbours, and no name has an address's place`() {
    func place(_ name: String) -> Int64 { LinuxNameRegistry.place(of: name).lowerBound }
    #expect(place("vip4-2-52") == place("vip4-2-51") + 1)
    let names = ["vip4-2-51", "vip6-2-51", "vip4-3-51", "vip4-2-", "vip4", "", "vip4-2-256"]
    #expect(Set(names.map(place)).count == names.count)
    for name in names {
      #expect(place(name) >= NamespacePlaces.nameStart && place(name) < Int64.max - 1)
    }
    let last = IPAddress.v6(IPv6Address(high: .max, low: .max))
    for index in [0, 1, Int32.max] {
      #expect(
        LinuxAddressRegistry.place(of: last, onInterface: index) < NamespacePlaces.nameStart)
    }
  }
}
