import Driver
import VIPCore
import VRRP

@main struct Main {
  static func main() { runFuzzer(fuzz) }
}

/// Any bytes as a message: never a trap; what is accepted survives encode and parse unchanged.
private func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  let input = Array(UnsafeBufferPointer(start: start, count: count))
  let family: AddressFamily = input[0] & 1 == 0 ? .ipv4 : .ipv6
  let repairs = input[0] & 2 != 0
  var message = Array(input.dropFirst())
  let source: IPAddress =
    family == .ipv4
    ? .v4(IPv4Address(192, 0, 2, 2)) : .v6(IPv6Address(high: 0xFE80 << 48, low: 2))
  // A fuzzer hardly ever guesses a checksum; half of the inputs get the right one.
  if repairs { repair(&message, source) }

  do {
    let advertisement = try Advertisement(
      parsing: message.span, from: source, to: .vrrpGroup(family), hopLimit: 255)
    let addresses = advertisement.addresses(in: message.span)
    precondition(addresses.count == advertisement.addressCount)
    precondition(advertisement.lists(addresses, in: message.span))
    precondition(advertisement.match(addresses.reversed(), in: message.span) == .same)
    let encoded = advertisement.encoded(addresses, from: source, to: .vrrpGroup(family))
    let again = try Advertisement(
      parsing: encoded.span, from: source, to: .vrrpGroup(family), hopLimit: 255)
    precondition(again == advertisement, "parse, encode, parse is not the identity")
    precondition(again.addresses(in: encoded.span) == addresses)
  } catch {
    precondition(!error.description.isEmpty)
  }
  return 0
}

private func repair(_ message: inout [UInt8], _ source: IPAddress) {
  guard message.count >= 8 else { return }
  message[6] = 0
  message[7] = 0
  let isVersion2 = message[0] >> 4 == 2
  let listed = 8 + Int(message[3]) * source.family.addressByteCount + (isVersion2 ? 8 : 0)
  let length = source.family == .ipv6 ? message.count : min(listed, message.count)
  var sum = InternetChecksum()
  sum.add(message.span.extracting(..<length))
  if source.family == .ipv6 || (message[2] & 1 == 0 && !isVersion2) {
    sum.addPseudoHeader(
      source: source, destination: .vrrpGroup(source.family), length: length, protocolNumber: 112)
  }
  message[6] = UInt8(sum.value >> 8)
  message[7] = UInt8(sum.value & 0xFF)
}
