// Tells a segment where an address is now: gratuitous ARP, unsolicited Neighbor Advertisement.
//
//   sudo .build/debug/AnnounceAddress eth0
//
// Without an interface the frames go to a wire in memory and are printed.

import ARP
import VIPCore
import VIPTesting

func announce(on wire: some FrameTransport, from mac: MACAddress) throws(FrameError) {
  for text in ["192.0.2.10", "2001:db8::10"] {
    guard let address = IPAddress(text) else { continue }
    try wire.send(Announcement(address, at: mac))
  }
}

// snippet.hide
let mac = MACAddress(0x02, 0x00, 0x5E, 0x10, 0x00, 0x01)
if let interface = CommandLine.arguments.dropFirst().first {
  try announce(on: PcapTransport(interface: interface), from: mac)
} else {
  let wire = FakeWire()
  try announce(on: wire, from: mac)
  for claim in wire.claims { print(claim.address, "is at", claim.mac) }
}
