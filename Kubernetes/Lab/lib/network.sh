# The namespaces of a lab and their addresses.
#
#   PREFIXsw        the switch, with the bridge br0 and a port pNAMESPACE for each machine
#   PREFIXn1 …      the nodes, eth0: 198.18.0.(10+i)/16, 192.0.2.(10+i)/24, the same in IPv6
#   PREFIXp1 …      the pods of each node, behind it
#   PREFIXcl        the client, number 200
#   PREFIXcp        the control plane, number 2
#
# Nothing leaves the switch: it has no port to the outside.
# shellcheck shell=bash disable=SC2154 # prefix, state and nodes are those of the chosen lab

# Makes a namespace and notes it, with what tells it from a later one of the same name.
add_namespace() { # NAME
  ip netns add "$1" || return
  printf '%s %s\n' "$1" "$(stat -c %i "/run/netns/$1")" >>"$state/namespaces"
}

# A machine on the switch.
add_machine() { # NAME NUMBER
  add_namespace "$1" || fail "cannot make the namespace $1"
  ip -n "${prefix}sw" link add "p$1" type veth peer name eth0 netns "$1" ||
    fail "cannot plug $1 into the switch"
  # The machines know each other: no waiting for duplicate address detection.
  in_namespace "$1" sysctl -qw net.ipv6.conf.{all,default,eth0}.accept_dad=0 \
    net.ipv6.conf.eth0.dad_transmits=0 net.ipv4.igmp_max_memberships=1000
  ip -n "${prefix}sw" link set "p$1" master br0 up
  ip -n "$1" -batch - <<BATCH || fail "cannot configure $1"
link set lo up
link set eth0 up
address add 198.18.0.$2/16 dev eth0
address add 192.0.2.$2/24 dev eth0
address add 2001:db8:1::$2/64 dev eth0 nodad
address add 2001:db8::$2/64 dev eth0 nodad
BATCH
}

# One namespace for all pods of a node, and the routes that a network plug-in would make there.
add_pods() { # I
  local node=${prefix}n$1 pods=${prefix}p$1 subnet=198.19.$((128 + $1)) subnet6=2001:db8:2000:$1
  add_namespace "$pods" || fail "cannot make the namespace $pods"
  ip -n "$node" link add pod0 type veth peer name eth0 netns "$pods" ||
    fail "cannot connect $pods with its node"
  in_namespace "$pods" sysctl -qw net.ipv6.conf.{all,default,eth0}.accept_dad=0
  in_namespace "$node" sysctl -qw net.ipv6.conf.pod0.accept_dad=0 net.ipv4.ip_forward=1 \
    net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0
  # The last two: a process of the node needs some route to a Service before kube-proxy rewrites it.
  ip -n "$node" -batch - <<BATCH || fail "cannot configure $node"
link set pod0 up
address add $subnet.1/24 dev pod0
address add $subnet6::1/64 dev pod0 nodad
route add 198.19.0.0/20 dev eth0
route add 2001:db8:1000::/112 dev eth0
BATCH
  ip -n "$pods" -batch - <<BATCH || fail "cannot configure $pods"
link set lo up
link set eth0 up
address add $subnet.2/24 dev eth0
address add $subnet6::2/64 dev eth0 nodad
route add default via $subnet.1
route add default via $subnet6::1
BATCH
}

add_network() {
  local i machine
  add_namespace "${prefix}sw" || fail "cannot make the namespace ${prefix}sw; that needs root"
  # Without snooping every multicast frame reaches every port, as on a plain switch.
  ip -n "${prefix}sw" link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
  ip -n "${prefix}sw" link set br0 up
  for ((i = 1; i <= nodes; i++)); do
    add_machine "${prefix}n$i" $((10 + i))
    add_pods "$i"
  done
  add_machine "${prefix}cl" 200
  in_namespace "${prefix}cl" sysctl -qw net.ipv4.conf.eth0.arp_accept=1 \
    net.ipv4.neigh.default.gc_thresh{1,2}=65536 net.ipv4.neigh.default.gc_thresh3=131072 2>/dev/null
  add_machine "${prefix}cp" 2
  for ((i = 1; i <= nodes; i++)); do
    for machine in "${prefix}cp" $(seq -f "${prefix}n%g" 1 "$nodes"); do
      [[ $machine == "${prefix}n$i" ]] && continue
      ip -n "$machine" route add "198.19.$((128 + i)).0/24" via "198.18.0.$((10 + i))"
      ip -n "$machine" route add "2001:db8:2000:$i::/64" via "2001:db8:1::$((10 + i))"
    done
  done
}

# Ends what runs in the namespaces of a lab, and removes them.
remove_network() {
  local name inode pid
  [[ -e $state/namespaces ]] || return 0
  while read -r name inode; do
    [[ $(stat -c %i "/run/netns/$name" 2>/dev/null) == "$inode" ]] || continue
    # The lab made the namespace: what is in there was started for the lab.
    for pid in $(ip netns pids "$name"); do kill -KILL "$pid" 2>/dev/null; done
    ip netns del "$name"
  done <"$state/namespaces"
}

# Cuts or plugs a node's link to the switch; the node loses its carrier.
cable() { # I cut|plug
  case ${2-} in
  cut) ip -n "${prefix}sw" link set "p${prefix}n$1" down ;;
  plug) ip -n "${prefix}sw" link set "p${prefix}n$1" up ;;
  *) usage ;;
  esac
}
