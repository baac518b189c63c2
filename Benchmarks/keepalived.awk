# VRID:ADDRESS[,ADDRESS…] a line -> a configuration of keepalived (see peers.sh).
BEGIN { print "global_defs {\n  router_id lab\n  vrrp_version 3\n}" }
{
  printf "vrrp_instance r%s {\n  state BACKUP\n  interface eth0\n", $1
  printf "  virtual_router_id %s\n  priority %s\n  advert_int %s\n", $1, priority, interval / 1000
  if (virtual_mac) print "  use_vmac"
  sub(/^[0-9]*:/, "")
  count = split($0, address, ",")
  print "  virtual_ipaddress {"
  # An advertisement has room for 255 (IPv6: 90); the rest is excluded from it.
  room = address[1] ~ /:/ ? 90 : 255
  for (i = 1; i <= count; i++) {
    if (i == room + 1) print "  }\n  virtual_ipaddress_excluded {"
    printf "    %s/%s\n", address[i], address[i] ~ /:/ ? 128 : 32
  }
  print "  }\n}"
}
