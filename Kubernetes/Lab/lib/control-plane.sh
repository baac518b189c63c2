# Keys, etcd, the API server, kube-controller-manager and kube-proxy.
# shellcheck shell=bash disable=SC2154 # prefix, state and nodes are those of the chosen lab

readonly API=https://198.18.0.2:6443
readonly GATES=IPv6DualStack=true

kubectl() {
  clean ip netns exec "${prefix}cp" "$PROGRAMS/bin/kubectl" --kubeconfig "$state/admin.kubeconfig" \
    --cache-dir "$state/cache" "$@"
}

# A request as administrator, or with the token TOKEN when that is set.
request() { # METHOD PATH [ARGUMENTS OF CURL]
  local method=$1 path=$2
  shift 2
  in_namespace "${prefix}cp" curl -sS --noproxy '*' --cacert "$state/pki/ca.crt" \
    -H "Authorization: Bearer ${TOKEN-$(cat "$state/admin.token")}" -X "$method" "$API$path" "$@"
}

patch() { # PATH JSON [merge-patch|strategic-merge-patch|json-patch]
  request PATCH "$1" -f -o "$state/patch.out" \
    -H "Content-Type: application/${3:-merge-patch}+json" -d "$2"
}

etcdctl() {
  clean ip netns exec "${prefix}cp" env ETCDCTL_API=3 "$PROGRAMS/bin/etcdctl" \
    --endpoints http://127.0.0.1:2379 "$@"
}

start_etcd() {
  spawn etcd "${prefix}cp" "$PROGRAMS/bin/etcd" --name lab --data-dir "$state/etcd" \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-cluster lab=http://127.0.0.1:2380 \
    --initial-advertise-peer-urls http://127.0.0.1:2380
  wait_for 60 etcdctl endpoint health || fail "etcd does not answer, see $state/log/etcd"
}

start_api() {
  local pki=$state/pki
  # shellcheck disable=SC2046 # arguments
  spawn kube-apiserver "${prefix}cp" "$PROGRAMS/bin/kube-apiserver" \
    --etcd-servers=http://127.0.0.1:2379 --bind-address=:: --secure-port=6443 \
    --advertise-address=198.18.0.2 --cert-dir="$pki" --tls-cert-file="$pki/api.crt" \
    --tls-private-key-file="$pki/api.key" --client-ca-file="$pki/ca.crt" \
    --token-auth-file="$state/tokens.csv" --authorization-mode=RBAC --allow-privileged \
    --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$pki/sa.key" --service-account-signing-key-file="$pki/sa.key" \
    --service-cluster-ip-range=198.19.0.0/20,2001:db8:1000::/112 $(cat "$state/api.arguments")
  wait_for 120 request GET /readyz -f ||
    fail "kube-apiserver is not ready, see $state/log/kube-apiserver"
}

# Only the controllers that make sense without kubelets.
start_controllers() {
  local list=serviceaccount,root-ca-cert-publisher,namespace,garbagecollector
  spawn kube-controller-manager "${prefix}cp" "$PROGRAMS/bin/kube-controller-manager" \
    --kubeconfig="$state/admin.kubeconfig" --leader-elect=false --port=0 \
    --cert-dir="$state/controllers" --root-ca-file="$state/pki/ca.crt" \
    --service-account-private-key-file="$state/pki/sa.key" --feature-gates=$GATES \
    --controllers=$list,endpoint,endpointslice,endpointslicemirroring
}

controllers_work() {
  kubectl -n default get serviceaccount default && kubectl -n default get configmap kube-root-ca.crt
}

# Its own pace, a second between two changes of the rules, is no part of what tests measure.
start_proxy() { # I
  spawn "kube-proxy-$1" "${prefix}n$1" "$PROGRAMS/bin/kube-proxy" \
    --kubeconfig="$state/proxy.kubeconfig" --hostname-override="${prefix}n$1" \
    --proxy-mode=iptables --cluster-cidr=198.19.128.0/17,2001:db8:2000::/48 \
    --iptables-min-sync-period=50ms \
    --feature-gates=$GATES --conntrack-max-per-core=0 --conntrack-min=0 \
    --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
}

start_web() { # I
  spawn "web-$1" "${prefix}p$1" /usr/bin/python3 "$here/web.py" "${prefix}n$1"
}

# The table nat of a node.
nat() { # I iptables|ip6tables ARGUMENTS...
  clean ip netns exec "${prefix}n$1" "$2" -w -t nat "${@:3}"
}

proxy_has_rules() { # I
  nat "$1" iptables -n -L KUBE-SERVICES &&
    in_namespace "${prefix}n$1" curl -sk --noproxy '*' -m 2 https://198.19.0.1/version
}

# Tries what kube-proxy will ask for, and prints what the kernel refuses.
try_netfilter() { # nft|legacy
  local kind=$1 family rule refused=no
  try() { # FAMILY ARGUMENTS...
    clean ip netns exec "${prefix}sw" "$PROGRAMS/xt-$kind/$1" -w -t nat "${@:2}" 2>/dev/null
  }
  for family in iptables ip6tables; do
    if ! try $family -N LAB; then
      echo "$family ($kind): there is no table nat"
      refused=yes
      continue
    fi
    while read -r rule; do
      # shellcheck disable=SC2086 # arguments
      try $family -A LAB $rule || {
        echo "$family ($kind): the kernel refuses '$rule'"
        refused=yes
      }
    done <<RULES
-m comment --comment x
-m addrtype --dst-type LOCAL
-m statistic --mode random --probability 0.5
-m recent --name x --rcheck --seconds 9 --reap
-j MARK --or-mark 0x4000
-m mark --mark 0x4000/0x4000 -j RETURN
-m conntrack --ctstate INVALID
-m physdev ! --physdev-is-in
-p tcp -m tcp -m multiport --dports 1,2
-p tcp -j DNAT --to-destination :80
RULES
    try $family -A POSTROUTING -j MASQUERADE --random-fully || {
      echo "$family ($kind): no MASQUERADE"
      refused=yes
    }
    try $family -D POSTROUTING -j MASQUERADE --random-fully
    try $family -F LAB
    try $family -X LAB
  done
  [[ $refused == no ]]
}

# Chooses the kind of iptables that this kernel can do.
choose_netfilter() {
  local kind
  for kind in ${KUBE_LAB_IPTABLES:-nft legacy}; do
    if try_netfilter "$kind" >"$state/log/netfilter-$kind"; then
      echo "$PROGRAMS/xt-$kind" >"$state/iptables"
      return
    fi
  done
  fail "this kernel cannot do what kube-proxy needs: $(cat "$state"/log/netfilter-*)"
}

write_kubeconfig() { # FILE TOKEN
  cat >"$1" <<CONFIG
apiVersion: v1
kind: Config
current-context: lab
contexts: [{name: lab, context: {cluster: lab, user: lab}}]
clusters: [{name: lab, cluster: {server: "$API", certificate-authority: $state/pki/ca.crt}}]
users: [{name: lab, user: {token: $2}}]
CONFIG
}

make_keys() {
  local pki=$state/pki proxy_token kind=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
  umask 077
  mkdir -p "$pki"
  {
    openssl req -x509 "${kind[@]}" -days 365 -subj /CN=kube-lab-ca -keyout "$pki/ca.key" \
      -out "$pki/ca.crt" -addext keyUsage=critical,keyCertSign,cRLSign
    openssl req "${kind[@]}" -subj /CN=kube-apiserver -keyout "$pki/api.key" -out "$pki/api.csr"
    openssl x509 -req -in "$pki/api.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -set_serial 2 \
      -days 365 -out "$pki/api.crt" -extfile <(
        printf '%s\n' basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature \
          extendedKeyUsage=serverAuth
        printf 'subjectAltName=%s' DNS:kubernetes
        printf ',DNS:%s' kubernetes.default{,.svc,.svc.cluster.local}
        printf ',IP:%s' 198.18.0.2 198.19.0.1 2001:db8:1::2 127.0.0.1 ::1
      )
    openssl genrsa -out "$pki/sa.key" 2048
  } >"$state/log/openssl" 2>&1
  [[ -s $pki/api.crt && -s $pki/sa.key ]] || fail "openssl has failed, see $state/log/openssl"
  openssl rand -hex 16 >"$state/admin.token"
  proxy_token=$(openssl rand -hex 16)
  printf '%s,admin,admin,"system:masters"\n%s,system:kube-proxy,kube-proxy\n' \
    "$(cat "$state/admin.token")" "$proxy_token" >"$state/tokens.csv"
  write_kubeconfig "$state/admin.kubeconfig" "$(cat "$state/admin.token")"
  write_kubeconfig "$state/proxy.kubeconfig" "$proxy_token"
  umask 022
}
