# Objects that administrators, schedulers and kubelets would make.
# shellcheck shell=bash disable=SC2154 # prefix, state and nodes are those of the chosen lab

# The host number of the pods of a name, the same on every node. Sets `number`.
number_of() { # NAME
  touch "$state/names"
  grep -qxF "$1" "$state/names" || echo "$1" >>"$state/names"
  number=$((9 + $(grep -nxF "$1" "$state/names" | cut -d: -f1)))
  ((number <= 250)) || fail "there are too many pods and Services"
}

# Gives the pods' namespace of a node the addresses of a pod.
add_pod_addresses() { # I NUMBER
  [[ -e /run/netns/${prefix}p$1 ]] || fail "there is no node $1"
  ip -n "${prefix}p$1" address replace "198.19.$((128 + $1)).$2/24" dev eth0
  ip -n "${prefix}p$1" address replace "2001:db8:2000:$1::$2/64" dev eth0 nodad
}

# A pod that runs and is ready: what a scheduler and a kubelet would write.
pod() { # NAME I [LABEL=VALUE...]
  local name=$1 i=$2 labels='' label number ip ip6
  shift 2
  for label in "$@"; do labels+="${labels:+, }${label%%=*}: \"${label#*=}\""; done
  number_of "pod/$name"
  add_pod_addresses "$i" "$number"
  ip=198.19.$((128 + i)).$number ip6=2001:db8:2000:$i::$number
  kubectl create -f - <<OBJECT || fail "cannot create the pod $name"
apiVersion: v1
kind: Pod
metadata: {name: $name, labels: {$labels}}
spec:
  nodeName: ${prefix}n$i
  containers: [{name: web, image: web, ports: [{containerPort: 80}, {containerPort: 8080}]}]
OBJECT
  patch "/api/v1/namespaces/default/pods/$name/status" "{\"status\": {
    \"phase\": \"Running\", \"podIP\": \"$ip\", \"podIPs\": [{\"ip\": \"$ip\"}, {\"ip\": \"$ip6\"}],
    \"conditions\": [{\"type\": \"Ready\", \"status\": \"True\"}]}}" ||
    fail "cannot write the status of the pod $name: $(cat "$state/patch.out")"
}

slice() { # FAMILY SERVICE ENDPOINTS
  cat <<OBJECT
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: $2-v$1
  labels: {kubernetes.io/service-name: $2, endpointslice.kubernetes.io/managed-by: kube-lab}
addressType: IPv$1
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints:$3
OBJECT
}

# A Service of type LoadBalancer and its endpoints, all in one request of kubectl.
service() { # NAME [KEY=VALUE...]
  local name=$1 policy=Cluster nodes_wanted port=80 family=dual
  local setting i number families='' stack=PreferDualStack v4='' v6='' e4='' e6=''
  shift
  nodes_wanted=$(seq -s, 1 "$nodes")
  for setting in "$@"; do
    case $setting in
    policy=*) policy=${setting#*=} ;;
    nodes=*) nodes_wanted=${setting#*=} ;;
    port=*) port=${setting#*=} ;;
    family=*) family=${setting#*=} ;;
    *) fail "service: what is '$setting'?" ;;
    esac
  done
  case $family in
  4) stack=SingleStack families='ipFamilies: [IPv4]' ;;
  6) stack=SingleStack families='ipFamilies: [IPv6]' ;;
  esac
  number_of "service/$name"
  for i in ${nodes_wanted//,/ }; do
    add_pod_addresses "$i" "$number"
    local ip=198.19.$((128 + i)).$number ip6=2001:db8:2000:$i::$number node=${prefix}n$i
    e4+=$'\n'"  - {ip: $ip, nodeName: $node}"
    e6+=$'\n'"  - {ip: \"$ip6\", nodeName: $node}"
    v4+=$'\n'"- {addresses: [$ip], conditions: {ready: true}, nodeName: $node}"
    v6+=$'\n'"- {addresses: [\"$ip6\"], conditions: {ready: true}, nodeName: $node}"
  done
  [[ $family == 6 ]] && e4=$e6
  {
    cat <<OBJECT
apiVersion: v1
kind: Service
metadata: {name: $name}
spec:
  type: LoadBalancer
  externalTrafficPolicy: $policy
  ipFamilyPolicy: $stack
  $families
  ports: [{name: http, port: $port, targetPort: 8080}]
---
apiVersion: v1
kind: Endpoints
metadata: {name: $name, labels: {endpointslice.kubernetes.io/skip-mirror: "true"}}
subsets:
- ports: [{name: http, port: 8080}]
  addresses:$e4
OBJECT
    [[ $family == 6 ]] || slice 4 "$name" "$v4"
    [[ $family == 4 ]] || slice 6 "$name" "$v6"
  } | kubectl apply -f -
}

address() { # SERVICE [IP...]
  local name=$1 list='' ip
  shift
  for ip in "$@"; do list+="${list:+,}{\"ip\":\"$ip\"}"; done
  patch "/api/v1/namespaces/default/services/$name/status" \
    "{\"status\":{\"loadBalancer\":{\"ingress\":[$list]}}}" ||
    fail "address: $(cat "$state/patch.out")"
}

ready() { # I STATUS
  local now
  now=$(date -u +%FT%TZ)
  patch "/api/v1/nodes/${prefix}n$1/status" "{\"status\":{\"conditions\":[{
    \"type\":\"Ready\",\"status\":\"$2\",\"reason\":\"Lab\",
    \"lastHeartbeatTime\":\"$now\",\"lastTransitionTime\":\"$now\"}]}}" strategic-merge-patch ||
    fail "ready: there is no node $1"
}

# Makes the Node of a machine anew, or deletes it; the machine goes on.
node() { # I add|remove
  [[ -e /run/netns/${prefix}n$1 ]] || fail "there is no node $1"
  case ${2-} in
  add) register_node "$1" ;;
  remove) kubectl delete --wait=false "node/${prefix}n$1" >/dev/null ;;
  *) usage ;;
  esac
}

token() { # NAMESPACE SERVICEACCOUNT [SECONDS]
  local folder=$state/tokens/$1-$2 token
  token=$(request POST "/api/v1/namespaces/$1/serviceaccounts/$2/token" -f \
    -H 'Content-Type: application/json' -d "{\"apiVersion\":\"authentication.k8s.io/v1\",
      \"kind\":\"TokenRequest\",\"spec\":{\"expirationSeconds\":${3:-3600}}}" |
    /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["status"]["token"])') ||
    fail "no token for $1/$2"
  (
    umask 077
    mkdir -p "$folder"
    printf %s "$token" >"$folder/token.new"
    mv "$folder/token.new" "$folder/token"
    cp "$state/pki/ca.crt" "$folder/ca.crt"
    printf %s "$1" >"$folder/namespace"
  )
  echo "$folder"
}

# A Service of its own is the last in line on both of kube-proxy's watches.
settle() {
  local name=settle$RANDOM i family late=''
  {
    cat <<OBJECT
apiVersion: v1
kind: Service
metadata: {name: $name}
spec:
  ipFamilyPolicy: PreferDualStack
  ports: [{name: http, port: 9, targetPort: 9}]
OBJECT
    slice 4 "$name" " [{addresses: [198.19.129.2], conditions: {ready: true}}]"
    slice 6 "$name" " [{addresses: [\"2001:db8:2000:1::2\"], conditions: {ready: true}}]"
  } | kubectl create -f - >/dev/null || fail "settle: cannot create a Service"
  for ((i = 1; i <= nodes; i++)); do
    alive "kube-proxy-$i" >/dev/null || continue
    for family in iptables ip6tables; do
      wait_for 150 prints "KUBE-SEP.*default/$name:.*DNAT" nat "$i" "$family" -S ||
        late+=" ${prefix}n$i"
    done
  done
  kubectl delete "service/$name" "endpointslice/$name-v4" "endpointslice/$name-v6" >/dev/null
  [[ -z $late ]] || fail "kube-proxy is behind on$late"
}

compact() {
  local revision
  revision=$(etcdctl endpoint status -w json | grep -o '"revision":[0-9]*' | head -n 1)
  revision=${revision#*:}
  etcdctl compact "$revision"
}
