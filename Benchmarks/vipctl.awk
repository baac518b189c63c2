# VRID:ADDRESS[,ADDRESS…] a line -> a configuration of vipctl (see peers.sh).
BEGIN { print "routers:" }
{
  printf "  - name: r%s\n    interface: eth0\n    vrid: %s\n    priority: %s\n", $1, $1, priority
  printf "    interval: %sms\n", interval
  if (virtual_mac) print "    virtualMac: true"
  print "    addresses:"
  sub(/^[0-9]*:/, "")
  count = split($0, address, ",")
  for (i = 1; i <= count; i++) printf "      - %s/%s\n", address[i], address[i] ~ /:/ ? 128 : 32
}
