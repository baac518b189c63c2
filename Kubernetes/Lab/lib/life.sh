# The beginning and the end of a lab.
# shellcheck shell=bash disable=SC2154

STATE=${KUBE_LAB_STATE:-/run/vipctl-kube-lab}
readonly STATE

up() { # PREFIX N
  local name i
  prefix=$1 nodes=$2
  [[ $prefix =~ ^[a-z][a-z0-9]{0,7}$ ]] || fail "PREFIX has at most 8 lower-case letters and digits"
  [[ $nodes =~ ^[1-9][0-9]?$ ]] || fail "N is 1 to 99"
  is_built || fail "there are no programs yet: kube-lab build"
  sweep
  state=$STATE/$prefix
  # What a run has left that was killed before the lab was up.
  if [[ -e $state && ! -e $state/nodes ]]; then
    local starter=0 since=
    read -r starter since 2>/dev/null <"$state/starter"
    is_same "$starter" "$since" && fail "the lab '$prefix' is coming up (process $starter)"
    down "$prefix"
  fi
  [[ -e $state ]] && fail "the lab '$prefix' is up already"
  for name in sw cl cp n1; do
    [[ -e /run/netns/$prefix$name ]] && fail "there is a namespace $prefix$name already"
  done
  umask 022
  mkdir -p "$state/log" || fail "cannot write to $STATE"
  printf '%s %s\n' $$ "$(began $$)" >"$state/starter"
  : >"$state/processes"
  : >"$state/namespaces"
  echo "${KUBE_LAB_API_ARGS-}" >"$state/api.arguments"
  if [[ -n ${KUBE_LAB_OWNER-} ]]; then
    printf '%s %s\n' "$KUBE_LAB_OWNER" "$(began "$KUBE_LAB_OWNER")" >"$state/owner"
  fi
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  trap 'give_up' EXIT

  add_network
  make_keys
  start_etcd
  start_api
  if [[ ${KUBE_LAB_CONTROLLERS-} != no ]]; then start_controllers; fi
  for ((i = 1; i <= nodes; i++)); do
    register_node "$i"
    start_web "$i"
  done
  choose_netfilter
  for ((i = 1; i <= nodes; i++)); do start_proxy "$i"; done
  for ((i = 1; i <= nodes; i++)); do
    wait_for 120 proxy_has_rules "$i" ||
      fail "kube-proxy of ${prefix}n$i has no rules, see $state/log/kube-proxy-$i"
  done
  if [[ ${KUBE_LAB_CONTROLLERS-} != no ]]; then
    wait_for 120 controllers_work ||
      fail "kube-controller-manager does nothing, see $state/log/kube-controller-manager"
  fi
  echo "$nodes" >"$state/nodes"
  trap - EXIT INT TERM HUP
  cat <<TEXT
lab '$prefix': $nodes nodes, $("$PROGRAMS/bin/kube-apiserver" --version)
state, keys and logs: $state
API: $API, from every namespace on the switch
TEXT
}

# What did not come up is kept only as a log.
give_up() {
  local status=$? log
  trap - EXIT INT TERM HUP
  ((status == 0)) && status=1
  for log in "$state"/log/*; do
    [[ -s $log ]] || continue
    printf -- '--- the end of %s:\n' "${log##*/}"
    tail -n 5 "$log"
  done >&2
  down "$prefix"
  exit "$status"
}

down() { # PREFIX
  local pattern
  prefix=$1
  [[ $prefix =~ ^[a-z][a-z0-9]{0,7}$ ]] || fail "PREFIX has at most 8 lower-case letters and digits"
  state=$STATE/$prefix
  [[ -e $state ]] || return 0
  for pattern in 'kube-proxy-*' 'web-*' kube-controller-manager kube-apiserver etcd '*'; do
    stop "$pattern"
  done
  remove_network
  rm -rf "$state"
}

# Takes down the labs whose owners have ended.
sweep() {
  local folder owner since
  for folder in "$STATE"/*; do
    [[ -e $folder/owner ]] || continue
    read -r owner since <"$folder/owner"
    is_same "$owner" "$since" && continue
    # Not in this shell: `down` chooses its lab.
    (down "${folder##*/}")
  done
}

# The object that a kubelet would make of itself.
register_node() { # I
  local name=${prefix}n$1 now
  now=$(date -u +%FT%TZ)
  kubectl create -f - >/dev/null <<OBJECT || fail "cannot register the node $name"
apiVersion: v1
kind: Node
metadata:
  name: $name
  labels: {kubernetes.io/hostname: $name, kubernetes.io/os: linux}
spec:
  podCIDR: 198.19.$((128 + $1)).0/24
  podCIDRs: [198.19.$((128 + $1)).0/24, "2001:db8:2000:$1::/64"]
status:
  addresses:
  - {type: InternalIP, address: 198.18.0.$((10 + $1))}
  - {type: InternalIP, address: "2001:db8:1::$((10 + $1))"}
  - {type: Hostname, address: $name}
  conditions:
  - type: Ready
    status: "True"
    reason: KubeletReady
    message: lab
    lastHeartbeatTime: $now
    lastTransitionTime: $now
OBJECT
}
