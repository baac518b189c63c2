import Netlink
package import VIPCore

/// Requests as bytes, for what talks to the kernel without this package: the guard process.
extension FakeKernel {
  /// Does what some netlink messages ask for, one after the other; what is refused is passed over.
  ///
  /// It understands those that a guard sends: RTM_DELADDR, RTM_DELROUTE, RTM_DELRULE, RTM_SETLINK
  /// and RTM_DELLINK, the latter two with the interface's name or its number.
  package func perform(_ messages: [UInt8]) { perform(Self.requests(in: messages)) }

  /// One of these messages.
  enum MessageRequest {
    case removeAddress(interfaceIndex: Int32, InterfaceAddress)
    /// The others, by the body of their messages.
    case changeLink(ArraySlice<UInt8>)
    case removeRoute(ArraySlice<UInt8>)
    /// A route or a rule, by the whole message.
    case removeRouting(ArraySlice<UInt8>)
    case deleteLink(ArraySlice<UInt8>)
  }

  /// Reads messages; what can't be understood is passed over.
  static func requests(in messages: [UInt8]) -> [MessageRequest] {
    var found: [MessageRequest] = []
    var rest = messages[...]
    while rest.count >= 16 {
      let length = Int(rest.native32(at: 0))
      guard length >= 16, length <= rest.count else { break }
      let body = rest.prefix(length).dropFirst(16)
      switch rest.native16(at: 4) {
      case 21:
        if let (index, address) = Self.address(in: body) {
          found.append(.removeAddress(interfaceIndex: index, address))
        }
      case 19: found.append(.changeLink(body))
      case 25:
        found.append(.removeRoute(body))
        found.append(.removeRouting(rest.prefix(length)))
      case 33: found.append(.removeRouting(rest.prefix(length)))
      case 17: found.append(.deleteLink(body))
      default: break
      }
      rest = rest.dropFirst((length + 3) & ~3)
    }
    return found
  }

  /// Does what was read, one after the other; what is refused is passed over.
  func perform(_ requests: [MessageRequest]) {
    for request in requests {
      switch request {
      case .removeAddress(let index, let address):
        _ = remove([AddressRequest(interfaceIndex: index, address: address)])
      case .changeLink(let body): changeLink(body)
      case .removeRoute(let body): removeRoute(body)
      case .removeRouting(let message): removeRouting(namedBy: message)
      case .deleteLink(let body): deleteLink(body)
      }
    }
  }

  /// The addresses that messages ask to remove, with the numbers of their interfaces.
  package static func removals(
    in messages: [UInt8]
  ) -> [(interfaceIndex: Int32, address: InterfaceAddress)] {
    requests(in: messages).compactMap { request in
      guard case .removeAddress(let index, let address) = request else { return nil }
      return (index, address)
    }
  }

  private static func address(
    in body: ArraySlice<UInt8>
  ) -> (interfaceIndex: Int32, address: InterfaceAddress)? {
    guard body.count >= 8 else { return nil }
    let family: AddressFamily = body.byte(0) == 2 ? .ipv4 : .ipv6
    // IFA_LOCAL, and where there is none IFA_ADDRESS.
    let attributes = body.dropFirst(8).attributes
    guard
      let bytes = (attributes.first { $0.type == 2 } ?? attributes.first { $0.type == 1 })?.value,
      bytes.count == (family == .ipv4 ? 4 : 16),
      let address = InterfaceAddress(
        Array(bytes).span.ipAddress(family, at: 0), prefixLength: Int(body.byte(1)))
    else { return nil }
    return (Int32(bitPattern: body.native32(at: 4)), address)
  }

  private func removeRoute(_ body: ArraySlice<UInt8>) {
    guard body.count >= 12 else { return }
    let family: AddressFamily = body.byte(0) == 2 ? .ipv4 : .ipv6
    // RTA_DST and RTA_OIF.
    let attributes = body.dropFirst(12).attributes
    guard let destination = attributes.first(where: { $0.type == 1 })?.value,
      destination.count == (family == .ipv4 ? 4 : 16),
      let subnet = InterfaceAddress(
        Array(destination).span.ipAddress(family, at: 0), prefixLength: Int(body.byte(1))),
      let index = attributes.first(where: { $0.type == 4 })?.value, index.count == 4,
      // The metric of routes to subnets of addresses.
      let metric = attributes.first(where: { $0.type == 6 })?.value, metric.count == 4,
      metric.native32(at: 0) == 0x7FFF_FFFF
    else { return }
    removeRoute(
      to: subnet, onInterface: Int32(bitPattern: index.native32(at: 0)), protocolTag: body.byte(5))
  }

  /// The interface that a message is about: by IFLA_IFNAME, else by its number.
  private func index(in body: ArraySlice<UInt8>) -> Int32? {
    guard body.count >= 16 else { return nil }
    guard let name = body.dropFirst(16).attributes.first(where: { $0.type == 3 })?.value else {
      return Int32(bitPattern: body.native32(at: 4))
    }
    let text = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    return currentLinks.first { $0.name == text }?.index
  }

  private func changeLink(_ body: ArraySlice<UInt8>) {
    guard let index = index(in: body) else { return }
    if body.native32(at: 12) & 1 != 0 {
      _ = change([.setUp(body.native32(at: 8) & 1 != 0, index: index)])
    }
    // IFLA_AF_SPEC, in it AF_INET, in it IFLA_INET_CONF, in it a number for each setting.
    for families in body.dropFirst(16).attributes where families.type == 26 {
      for family in families.value.attributes where family.type == 2 {
        for list in family.value.attributes where list.type == 1 {
          var settings: [IPv4Setting: Int32] = [:]
          for value in list.value.attributes {
            guard let setting = IPv4Setting(rawValue: value.type) else { continue }
            settings[setting] = Int32(bitPattern: value.value.native32(at: 0))
          }
          _ = change([.setIPv4(settings, index: index)])
        }
      }
    }
  }

  private func deleteLink(_ body: ArraySlice<UInt8>) {
    guard let index = index(in: body) else { return }
    _ = change([.delete(index: index)])
  }
}

extension ArraySlice where Element == UInt8 {
  fileprivate func byte(_ offset: Int) -> UInt8 { self[startIndex + offset] }

  fileprivate func native16(at offset: Int) -> UInt16 {
    UInt16(littleEndian: UInt16(byte(offset)) | UInt16(byte(offset + 1)) << 8)
  }

  fileprivate func native32(at offset: Int) -> UInt32 {
    UInt32(native16(at: offset)) | UInt32(native16(at: offset + 2)) << 16
  }

  /// Netlink attributes, their flag bits taken off.
  fileprivate var attributes: [(type: UInt16, value: ArraySlice<UInt8>)] {
    var found: [(type: UInt16, value: ArraySlice<UInt8>)] = []
    var rest = self
    while rest.count >= 4 {
      let length = Int(rest.native16(at: 0))
      guard length >= 4, length <= rest.count else { break }
      found.append((rest.native16(at: 2) & 0x3FFF, rest.prefix(length).dropFirst(4)))
      rest = rest.dropFirst((length + 3) & ~3)
    }
    return found
  }
}
