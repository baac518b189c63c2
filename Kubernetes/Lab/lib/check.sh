# Tries what the lab offers, and that the API behaves as tests rely on.
# shellcheck shell=bash disable=SC2154,SC2317 # the lab's variables, called by name

readonly CHECK_VIP=198.18.100.1 CHECK_VIP6=2001:db8:1::64:1

# One line for each check.
ok() { # TEXT COMMAND...
  local text=$1
  shift
  if ("$@") >"$state/check.out" 2>&1; then
    echo "ok   $text"
  else
    echo "FAIL $text"
    tail -n 5 "$state/check.out" | sed 's/^/     /'
    failures=$((failures + 1))
  fi
}

equal() { # A B
  [[ $1 == "$2" ]] || { echo "'$1' is not '$2'" && return 1; }
}

# The status code of a request; its body is left in a file.
code() { # METHOD PATH [ARGUMENTS OF CURL]
  request "$1" "$2" -o "$state/body" -w '%{http_code}' "${@:3}"
}

post() { # PATH JSON
  code POST "$1" -H 'Content-Type: application/json' -d "$2"
}

merge() { # PATH JSON
  code PATCH "$1" -H 'Content-Type: application/merge-patch+json' -d "$2"
}

apply_patch() { # PATH JSON
  code PATCH "$1" -H 'Content-Type: application/apply-patch+yaml' -d "$2"
}

# A field of the last body: metadata/name.
field() { # PATH
  /usr/bin/python3 -c 'import json, sys
value = json.load(open(sys.argv[1]))
for key in sys.argv[2].split("/"):
    value = value[int(key)] if key.isdigit() else value.get(key) if value else None
print(value)' "$state/body" "$1"
}

ask() { # ADDRESS
  in_namespace "${prefix}cl" curl -sS --noproxy '*' -m 3 "http://$1/"
}

forget_neighbours() {
  ip -n "${prefix}cl" neighbour flush dev eth0
  ip -n "${prefix}cl" -6 neighbour flush dev eth0
}

# Gives a node the address that is tried, or takes it away. Deprecated in IPv6: otherwise MASQUERADE
# takes it as a source, and replies go where it was before.
hold() { # add|del I
  local more=
  [[ $1 == add ]] && more='preferred_lft 0 nodad'
  ip -n "${prefix}n$2" address "$1" $CHECK_VIP/32 dev eth0
  # shellcheck disable=SC2086 # several words
  ip -n "${prefix}n$2" address "$1" $CHECK_VIP6/128 dev eth0 $more
  forget_neighbours
}

has_watch_cache() { ! grep -q services#0 "$state/api.arguments"; }

check() {
  local failures=0 space=check$RANDOM
  ((nodes >= 2)) || fail "check needs two nodes"
  kubectl delete service/chk endpoints/chk endpointslice/chk-v4 endpointslice/chk-v6 \
    crd/pools.lab.example crd/nets.lab.example --ignore-not-found >/dev/null 2>&1
  code GET /api/v1/services >/dev/null
  local first
  first=$(field metadata/resourceVersion)
  echo "- Services" && check_services
  echo "- custom resources" && check_custom_resource && check_rules
  echo "- server-side apply, Leases, admission" && check_apply && check_leases
  if alive kube-controller-manager >/dev/null; then
    echo "- controllers" && check_controllers
  fi
  echo "- service accounts" && check_service_account
  echo "- the way of a request" && check_data_path
  echo "- nodes" && check_nodes
  echo "- watches" && check_watches
  kubectl delete service/chk endpoints/chk endpointslice/chk-v4 endpointslice/chk-v6 \
    crd/pools.lab.example --ignore-not-found >/dev/null 2>&1
  kubectl delete namespace "$space" --wait=false >/dev/null 2>&1
  ((failures == 0)) || fail "$failures checks have failed"
  echo "all is well"
}

check_services() {
  local watcher json='{.status.loadBalancer.ingress[*].ip}'
  clean ip netns exec "${prefix}cp" timeout 60 "$PROGRAMS/bin/kubectl" \
    --kubeconfig "$state/admin.kubeconfig" --cache-dir "$state/cache" \
    get services -w -o name >"$state/watch.out" 2>&1 &
  watcher=$!
  wait_for 20 grep -q kubernetes "$state/watch.out"
  ok "a LoadBalancer Service is created" service chk
  ok "and listed" prints '^service/chk$' kubectl get services -o name
  ok "and watched" wait_for 20 grep -q '^service/chk$' "$state/watch.out"
  kill "$watcher" 2>/dev/null
  wait "$watcher" 2>/dev/null
  ok "it has cluster addresses of both families" prints '^198.19.*,2001:db8:1000::' \
    kubectl get service chk -o jsonpath='{.spec.clusterIPs[0]},{.spec.clusterIPs[1]}'
  ok "its status is written" address chk $CHECK_VIP $CHECK_VIP6
  ok "and read" equal "$(kubectl get service chk -o jsonpath="$json")" "$CHECK_VIP $CHECK_VIP6"
  merge /api/v1/namespaces/default/services/chk '{"status":{"loadBalancer":{"ingress":[]}}}' \
    >/dev/null
  ok "a write to the object leaves the status alone" \
    equal "$(kubectl get service chk -o jsonpath="$json")" "$CHECK_VIP $CHECK_VIP6"
  ok "discovery.k8s.io/v1 names the node" equal "$(kubectl get \
    endpointslices.v1.discovery.k8s.io chk-v4 -o jsonpath='{.endpoints[0].nodeName}')" "${prefix}n1"
  ok "v1beta1 says the same" prints '"kubernetes.io/hostname":' request GET \
    /apis/discovery.k8s.io/v1beta1/namespaces/default/endpointslices/chk-v4
  ok "ipMode of an address is VIP where nothing else is said" equal \
    "$(kubectl get service chk -o jsonpath='{.status.loadBalancer.ingress[0].ipMode}')" VIP
  kubectl create -f - >/dev/null <<'OBJECT'
apiVersion: v1
kind: Service
metadata: {name: chkc}
spec:
  type: LoadBalancer
  loadBalancerClass: lab.example/a
  allocateLoadBalancerNodePorts: false
  ports: [{port: 80}]
OBJECT
  ok "loadBalancerClass is kept, no node ports are given" equal "$(kubectl get service chkc \
    -o jsonpath='{.spec.loadBalancerClass},{.spec.ports[0].nodePort}')" lab.example/a,
  ok "loadBalancerClass does not change (422)" equal \
    "$(merge /api/v1/namespaces/default/services/chkc '{"spec":{"loadBalancerClass":"b.x/b"}}')" 422
  kubectl delete service chkc >/dev/null
}

check_custom_resource() {
  local path=/apis/lab.example/v1/pools generation
  kubectl apply -f - >/dev/null <<'OBJECT'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: pools.lab.example}
spec:
  group: lab.example
  scope: Cluster
  names: {plural: pools, singular: pool, kind: Pool}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {cidr: {type: string}}}
          status: {type: object, properties: {free: {type: integer}}}
OBJECT
  ok "a definition is established" \
    kubectl wait --for=condition=Established --timeout=60s crd/pools.lab.example
  wait_for 60 request GET $path -f
  ok "an object is created" equal "$(post $path '{"apiVersion":"lab.example/v1","kind":"Pool",
    "metadata":{"name":"a"},"spec":{"cidr":"198.18.100.0/24"},"status":{"free":9}}')" 201
  ok "without the status that came along" equal "$(field status)" None
  generation=$(field metadata/generation)
  ok "its status is written" equal "$(merge $path/a/status '{"status":{"free":7}}')" 200
  code GET $path/a >/dev/null
  ok "which is no new generation" \
    equal "$(field status/free) $(field metadata/generation)" "7 $generation"
  ok "a wrong type is refused (422)" \
    equal "$(merge $path/a/status '{"status":{"free":"x"}}')" 422
}

check_rules() {
  local path=/apis/lab.example/v1/nets object
  kubectl apply -f - >/dev/null <<'OBJECT'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: nets.lab.example}
spec:
  group: lab.example
  scope: Cluster
  names: {plural: nets, singular: net, kind: Net}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    selectableFields: [{jsonPath: .spec.cidr}]
    additionalPrinterColumns: [{name: CIDR, type: string, jsonPath: .spec.cidr}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties: {cidr: {type: string}, mode: {type: string, default: l2}}
            x-kubernetes-validations:
            - {rule: "isCIDR(self.cidr)", message: "not a network"}
            - {rule: "!has(oldSelf.cidr) || self.cidr == oldSelf.cidr", message: "cidr stays"}
          status: {type: object, properties: {free: {type: integer}}}
OBJECT
  kubectl wait --for=condition=Established --timeout=60s crd/nets.lab.example >/dev/null
  wait_for 60 request GET $path -f
  object='{"apiVersion":"lab.example/v1","kind":"Net","metadata":{"name":"a"},"spec":{"cidr":"X"}}'
  ok "a rule in CEL refuses (422)" equal "$(post $path "${object/X/foo}")" 422
  ok "and accepts (201)" equal "$(post $path "${object/X/198.18.0.0\/24}")" 201
  ok "a field has its default" equal "$(field spec/mode)" l2
  ok "a rule about the change refuses (422)" \
    equal "$(merge $path/a '{"spec":{"cidr":"198.18.1.0/24"}}')" 422
  ok "a field is selected, and is a column" prints '198.18.0.0/24' \
    kubectl get nets --field-selector spec.cidr=198.18.0.0/24
  kubectl delete crd/nets.lab.example >/dev/null
}

check_apply() {
  local path=/api/v1/namespaces/default/services/chk/status object
  object='{"apiVersion":"v1","kind":"Service","metadata":{"name":"chk"},
    "status":{"loadBalancer":{"ingress":[{"ip":"198.18.100.X"}]}}}'
  ok "a status is applied by the server" \
    equal "$(apply_patch "$path?fieldManager=one&force=true" "${object/X/9}")" 200
  ok "another manager's is a conflict (409)" \
    equal "$(apply_patch "$path?fieldManager=two" "${object/X/8}")" 409
  address chk $CHECK_VIP $CHECK_VIP6
  request GET "/api/v1/services?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&\
resourceVersionMatch=NotOlderThan&timeoutSeconds=3" >"$state/body"
  if has_watch_cache; then
    ok "a watch begins with the list (sendInitialEvents)" \
      grep -q '"type":"BOOKMARK".*"k8s.io/initial-events-end":"true"' "$state/body"
  fi
  kubectl apply -f - >/dev/null <<'OBJECT'
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: chk}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}
  validations: [{expression: "object.metadata.name != 'bad'", message: "no bad"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: chk}
spec: {policyName: chk, validationActions: [Deny]}
OBJECT
  refused() { ! kubectl create configmap bad --dry-run=server; }
  ok "a ValidatingAdmissionPolicy refuses" wait_for 60 refused
  kubectl delete validatingadmissionpolicy/chk validatingadmissionpolicybinding/chk >/dev/null
}

check_leases() {
  local path=/apis/coordination.k8s.io/v1/namespaces/default/leases version
  lease() { # HOLDER [VERSION]
    printf '{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"chk"%s},' \
      "${2:+,\"resourceVersion\":\"$2\"}"
    printf '"spec":{"holderIdentity":"%s"}}' "$1"
  }
  replace() { code PUT $path/chk -H 'Content-Type: application/json' -d "$1"; }
  post $path "$(lease a)" >/dev/null
  version=$(field metadata/resourceVersion)
  ok "a Lease is updated (200)" equal "$(replace "$(lease b "$version")")" 200
  ok "from an old copy it is a conflict (409)" equal "$(replace "$(lease c "$version")")" 409
  request DELETE $path/chk >/dev/null
}

check_controllers() {
  local path=/api/v1/namespaces/default/configmaps owner
  kubectl create namespace "${space}d" >/dev/null
  kubectl -n "${space}d" create configmap x >/dev/null
  kubectl delete namespace "${space}d" --wait=false >/dev/null
  namespace_is_gone() { [[ $(code GET "/api/v1/namespaces/${space}d") == 404 ]]; }
  ok "a deleted namespace empties itself and goes" wait_for 120 namespace_is_gone
  post $path '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"owner"}}' >/dev/null
  owner=$(field metadata/uid)
  post $path "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"owned\",
    \"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"owner\",
    \"uid\":\"$owner\"}]}}" >/dev/null
  ok "an owned object is there" kubectl get configmap owned
  kubectl delete configmap owner >/dev/null
  owned_is_gone() { ! kubectl get configmap owned; }
  ok "and goes with its owner" wait_for 120 owned_is_gone
  ok "pods become endpoints" pods_become_endpoints
  kubectl delete service/chkp deployment/chkp pod/chkp --ignore-not-found >/dev/null 2>&1
}

pods_become_endpoints() {
  kubectl create deployment chkp --image=web && pod chkp 1 app=chkp &&
    kubectl expose deployment chkp --port 80 --type LoadBalancer &&
    wait_for 60 prints 198.19.129 kubectl get endpoints chkp \
      -o jsonpath='{.subsets[0].addresses[0].ip}' &&
    wait_for 60 prints 198.19.129 kubectl get endpointslices -l kubernetes.io/service-name=chkp \
      -o jsonpath='{.items[*].endpoints[*].addresses[0]}'
}

check_service_account() {
  local path=/api/v1/namespaces/$space/services token
  kubectl create namespace "$space" >/dev/null
  kubectl -n "$space" create serviceaccount speaker >/dev/null
  kubectl -n "$space" create role speaker --verb=get,list,watch --resource=services >/dev/null
  kubectl -n "$space" create rolebinding speaker --role=speaker \
    --serviceaccount="$space":speaker >/dev/null
  ok "it gets a token" token "$space" speaker 600
  token=$(cat "$state/tokens/$space-speaker/token")
  allowed() { [[ $(TOKEN=$token code GET "$path") == 200 ]]; }
  ok "it may do what its Role says (200)" wait_for 30 allowed
  ok "not in another namespace (403)" \
    equal "$(TOKEN=$token code GET /api/v1/namespaces/default/services)" 403
  ok "and no other verb (403)" equal "$(TOKEN=$token code DELETE "$path/x")" 403
  ok "a wrong token is none (401)" equal "$(TOKEN=${token%????}AAAA code GET "$path")" 401
  ok "a node reaches the API by the Service kubernetes" equal "$(in_namespace "${prefix}n1" \
    curl -sS --noproxy '*' -o /dev/null -w '%{http_code}' \
    --cacert "$state/tokens/$space-speaker/ca.crt" -H "Authorization: Bearer $token" \
    "https://198.19.0.1$path")" 200
}

check_data_path() {
  local i replies answering
  ok "every kube-proxy is up to date" settle
  forget_neighbours
  ok "the address is answered by no machine yet" equal "$(ask $CHECK_VIP 2>/dev/null)" ''
  for i in 1 2; do
    hold add "$i"
    replies=$(for _ in {1..30}; do ask $CHECK_VIP; done 2>&1)
    ok "IPv4 by way of node $i: 30 replies" equal "$(grep -c '^node=' <<<"$replies")" 30
    answering=$(cut -d' ' -f1 <<<"$replies" | sort -u | wc -l)
    ok "from pods of several nodes" test "$answering" -ge 2
    replies=$(for _ in {1..10}; do ask "[$CHECK_VIP6]"; done 2>&1)
    ok "IPv6 by way of node $i: 10 replies" equal "$(grep -c '^node=' <<<"$replies")" 10
    hold del "$i"
  done
  ok "policy Local, and an endpoint on node 2 alone" service chk policy=Local nodes=2
  ok "every kube-proxy is up to date" settle
  hold add 1
  ok "node 1 drops what it gets" equal "$(ask $CHECK_VIP 2>/dev/null)" ''
  hold del 1
  hold add 2
  replies=$(ask $CHECK_VIP 2>&1)
  ok "node 2 serves it, and the client's address is kept" \
    grep -q "^node=${prefix}n2 .*client=198.18.0.200$" <<<"$replies"
  hold del 2
}

check_nodes() {
  ready 2 False
  ok "a node is not ready" prints NotReady kubectl get node "${prefix}n2"
  ready 2 True
  ok "and is again" prints ' Ready ' kubectl get node "${prefix}n2"
  cable 2 cut
  ok "a cable is cut" grep -qx 0 <(in_namespace "${prefix}n2" cat /sys/class/net/eth0/carrier)
  cable 2 plug
  carrier() { [[ $(in_namespace "${prefix}n2" cat /sys/class/net/eth0/carrier) == 1 ]]; }
  ok "and plugged in" wait_for 10 carrier
}

check_watches() {
  local version rest watcher n
  code GET /api/v1/services >/dev/null
  version=$(field metadata/resourceVersion)
  # A bookmark comes 2 s before the watch's own end, if the resource has moved on, or each minute.
  request GET "/api/v1/services?watch=1&allowWatchBookmarks=true&labelSelector=none&\
resourceVersion=$version&timeoutSeconds=7" >"$state/body" 2>&1 &
  watcher=$!
  sleep 1
  for n in 1 2 3; do kubectl label service chk --overwrite n=$n >/dev/null; done
  wait "$watcher"
  only_bookmarks() { [[ -s $state/body ]] && ! grep -qv '"type":"BOOKMARK"' "$state/body"; }
  if has_watch_cache; then ok "a watch that matches nothing has bookmarks" only_bookmarks; fi
  code GET "/api/v1/services?limit=1" >/dev/null
  rest=$(field metadata/continue)
  watch_from() { # VERSION
    request GET "/api/v1/services?watch=1&resourceVersion=$1&timeoutSeconds=3" >"$state/body"
  }
  watch_from "$version"
  ok "an old version is watched" equal "$(grep -c MODIFIED "$state/body")" 3
  ok "etcd is compacted" compact
  kubectl label service chk --overwrite n=4 >/dev/null
  compact >/dev/null 2>&1
  if ! has_watch_cache; then
    watch_from "$version"
    ok "a watch from before that: ERROR with 410" \
      grep -q '"type":"ERROR".*"code":410' "$state/body"
  fi
  restart_api() { stop kube-apiserver && start_api; }
  ok "the API server is restarted" restart_api
  ok "a list of exactly an old version: 410" equal \
    "$(code GET "/api/v1/services?resourceVersion=$first&resourceVersionMatch=Exact&limit=5")" 410
  ok "the rest of an old list: 410" \
    equal "$(code GET "/api/v1/services?limit=1&continue=$rest")" 410
  watch_from "$version"
  ok "a watch from an old version: ERROR with 410" \
    grep -q '"type":"ERROR".*"code":410' "$state/body"
}
