// Reads this machine's addresses and tells which of them a node of this package has installed.

import Netlink

let kernel = try NetlinkKernel()
let names = try Dictionary(uniqueKeysWithValues: kernel.links().map { ($0.index, $0.name) })
for record in try kernel.addresses() {
  let interface = names[record.interfaceIndex] ?? "?"
  let lifetime = record.validLifetime.map { "\($0) left" } ?? "without limit"
  print(interface, record.address, lifetime, record.isOurs ? "virtual" : "")
}
