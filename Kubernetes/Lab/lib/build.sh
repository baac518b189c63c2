# The programs of the lab: taken from KUBE_LAB_BINARIES, or built from Debian's packages.
#
# The API server is upstream's generic one of Debian's unstable suite (HTTP, watch cache, storage,
# admission, server-side apply, custom resources, OpenAPI) with the rules of the core resources from
# server/: Debian has no newer k8s.io/kubernetes/pkg than that of 1.20. RBAC, kube-proxy and
# kube-controller-manager are those of Debian's Kubernetes 1.20; etcd and kubectl are unstable's.
# Nothing is installed: packages are unpacked in KUBE_LAB_DIR, which has package lists of its own.
# shellcheck shell=bash disable=SC2154 # `here` is the script's

BUILD_DIR=${KUBE_LAB_DIR:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/vipctl-kube-lab}
# Where bin/, root/ and xt-*/ are: KUBE_LAB_BINARIES itself, if that is a folder.
PROGRAMS=$BUILD_DIR
if [[ -d ${KUBE_LAB_BINARIES-} ]]; then PROGRAMS=$(readlink -f "$KUBE_LAB_BINARIES"); fi
readonly BUILD_DIR PROGRAMS
readonly BUILT_PROGRAMS=(kube-proxy kube-controller-manager)
readonly SYSTEM_PATH=/usr/sbin:/usr/bin:/sbin:/bin
readonly RELEASE=bookworm OLDER_RELEASE=bullseye

# The folder with the libraries of the unpacked packages.
library_folder() {
  local folder
  for folder in "$PROGRAMS"/root/usr/lib/*-linux-gnu*; do
    echo "$folder"
    return
  done
}

has_built_programs() {
  local program
  for program in "${BUILT_PROGRAMS[@]}"; do [[ -x $BUILD_DIR/bin/$program ]] || return 1; done
}

# Why the programs cannot be run from a folder; nothing when they can.
obstacle_in() { # FOLDER
  local program
  for program in kube-apiserver "${BUILT_PROGRAMS[@]}" etcd etcdctl kubectl; do
    [[ -x $1/bin/$program ]] || { echo "no bin/$program" && return; }
  done
  [[ -d $1/root/usr/lib ]] || { echo "no root/usr/lib" && return; }
  [[ -d $1/xt-nft && -d $1/xt-legacy ]] || echo "no xt-nft or xt-legacy"
}

is_built() { [[ -z $(obstacle_in "$PROGRAMS") ]]; }

# The suite of packages moves on: what is said when it has moved too far.
cannot_build() { # TEXT
  fail "$1
The lab is built from Debian's suites $OLDER_RELEASE, $RELEASE and unstable; the last one moves.
With KUBE_LAB_BINARIES=FILE it takes an archive that 'kube-lab pack' has made where it did build."
}

build() {
  local problem
  "$here/install-dependencies" || exit 1
  if [[ $PROGRAMS != "$BUILD_DIR" ]]; then
    problem=$(obstacle_in "$PROGRAMS")
    [[ -z $problem ]] || fail "KUBE_LAB_BINARIES=$KUBE_LAB_BINARIES: $problem"
    echo "ready: $PROGRAMS"
    return
  fi
  mkdir -p "$BUILD_DIR" || fail "cannot write to $BUILD_DIR"
  # One at a time; the others find it done.
  exec 9>"$BUILD_DIR/lock"
  flock 9
  if [[ -n ${KUBE_LAB_BINARIES-} ]]; then
    unpack
  elif ! is_built; then
    "$here/install-dependencies" --build || exit 1
    build_from_packages
  fi
  exec 9>&-
  echo "ready: $PROGRAMS"
}

# Unpacks the archive, unless that is what was unpacked before.
unpack() {
  local mark problem
  [[ -f $KUBE_LAB_BINARIES ]] ||
    fail "KUBE_LAB_BINARIES=$KUBE_LAB_BINARIES: there is no such folder or archive"
  mark=$(stat -c '%s %Y' "$KUBE_LAB_BINARIES")
  if is_built && [[ $(cat "$BUILD_DIR/unpacked" 2>/dev/null) == "$mark" ]]; then return; fi
  rm -rf "${BUILD_DIR:?}"/{bin,root,xt-nft,xt-legacy,unpacked}
  tar -xf "$KUBE_LAB_BINARIES" -C "$BUILD_DIR" ||
    fail "KUBE_LAB_BINARIES=$KUBE_LAB_BINARIES: cannot be unpacked"
  problem=$(obstacle_in "$BUILD_DIR")
  [[ -z $problem ]] || fail "KUBE_LAB_BINARIES=$KUBE_LAB_BINARIES: $problem in it"
  echo "$mark" >"$BUILD_DIR/unpacked"
}

# Writes an archive of the programs.
pack() { # FILE
  is_built || fail "nothing has been built yet: kube-lab build"
  tar -cJf "$1.new" -C "$PROGRAMS" bin root xt-nft xt-legacy && mv "$1.new" "$1"
}

# --- From packages ----------------------------------------------------------------------------

# Sets `apt`: arguments that let apt-get work in BUILD_DIR alone.
set_apt() {
  local own=$BUILD_DIR/apt
  apt=(
    -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$own/etc"
    -o Dir::State::lists="$own/lists" -o Dir::Cache="$own/cache"
    -o Acquire::Languages=none -o APT::Sandbox::User=root -q
  )
}

# Derives package lists from those of this machine: its release with sources, the one before for its
# older Go, and the unstable suite.
read_package_lists() {
  local own=$BUILD_DIR/apt file suite
  [[ -e $own/done ]] && return
  mkdir -p "$own"/{etc,lists/partial,cache/archives/partial}
  for file in /etc/apt/sources.list.d/*.sources; do
    [[ -e $file ]] || continue
    awk -v RS= -v ORS='\n\n' -v release=$RELEASE '/debian-archive-keyring/ && $0 ~ release {
      sub(/Types:[^\n]*/, "Types: deb deb-src"); print }' "$file"
  done >"$own/etc/$RELEASE.sources"
  for suite in $OLDER_RELEASE sid; do
    awk -v RS= -v ORS='\n\n' -v release=$RELEASE -v suite="$suite" '
      $0 ~ "Suites:([^\n]* )?" release "( |\n)" {
        sub(/Types:[^\n]*/, "Types: deb"); sub(/Suites:[^\n]*/, "Suites: " suite)
        gsub(release, suite); print }' \
      "$own/etc/$RELEASE.sources" >"$own/etc/$suite.sources"
  done
  # The older form, of one line.
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [[ -e $file ]] || continue
    sed -n "s/^deb \(.*debian.* ${RELEASE}[ -].*\)/deb \1\ndeb-src \1/p" "$file"
  done >"$own/etc/$RELEASE.list"
  for suite in $OLDER_RELEASE sid; do
    sed -n "/^deb .* $RELEASE /s/$RELEASE/$suite/gp" "$own/etc/$RELEASE.list" \
      >"$own/etc/$suite.list"
  done
  [[ -n $(cat "$own/etc/sid".*) ]] ||
    cannot_build "the sources of this machine's apt have no entry for Debian $RELEASE"
  apt-get "${apt[@]}" update || cannot_build "apt-get update has failed"
  touch "$own/done"
}

# Unpacks the packages: Go and its libraries, etcd, kubectl, what kube-proxy calls.
unpack_packages() {
  local package folder
  local -a packages
  [[ -e $BUILD_DIR/root/done ]] && return
  rm -rf "$BUILD_DIR"/{debs,debs-sid,root,go,gopath}
  mkdir -p "$BUILD_DIR"/{debs,debs-sid,root,go,gopath}
  (
    cd "$BUILD_DIR/debs" && apt-get "${apt[@]}" download \
      golang-1.15-{go,src}/$OLDER_RELEASE \
      {iptables,conntrack,ipset,rsync,libpopt0,libxxhash0,libmnl0}/$RELEASE \
      {libnftnl11,libip4tc2,libip6tc2,libxtables12}/$RELEASE \
      {libnetfilter-conntrack3,libnfnetlink0,libipset13}/$RELEASE
  ) || cannot_build "packages of $RELEASE could not be fetched"
  mapfile -t packages <"$here/server/packages.txt"
  (
    cd "$BUILD_DIR/debs-sid" && apt-get "${apt[@]}" download golang-1.26-{go,src}/sid \
      {etcd-server,etcd-client,kubectl}/sid "${packages[@]/%//sid}"
  ) || cannot_build "packages of the unstable suite could not be fetched"
  for package in "$BUILD_DIR"/debs/*.deb "$BUILD_DIR"/debs-sid/*.deb; do
    case ${package##*/} in
    golang-1.*) folder=go ;;
    golang-*) folder=gopath ;;
    *) folder=root ;;
    esac
    dpkg -x "$package" "$BUILD_DIR/$folder" || cannot_build "$package could not be unpacked"
  done
  touch "$BUILD_DIR/root/done"
}

# Puts what the lab calls into bin/, what kube-proxy finds as iptables into xt-nft/ and xt-legacy/.
link_programs() {
  local kind family suffix
  mkdir -p "$BUILD_DIR/bin"
  cp "$BUILD_DIR"/root/usr/bin/{etcd,etcdctl,kubectl} "$BUILD_DIR/bin/" ||
    cannot_build "etcd or kubectl are missing from their packages"
  for kind in nft legacy; do
    mkdir -p "$BUILD_DIR/xt-$kind"
    for family in iptables ip6tables; do
      for suffix in '' -save -restore; do
        ln -sf "../root/usr/sbin/xtables-$kind-multi" "$BUILD_DIR/xt-$kind/$family$suffix"
      done
    done
    ln -sf ../root/usr/sbin/conntrack ../root/usr/sbin/ipset "$BUILD_DIR/xt-$kind/"
  done
}

fetch_source() {
  [[ -e $BUILD_DIR/src/done ]] && return
  rm -rf "$BUILD_DIR/src"
  mkdir -p "$BUILD_DIR/src"
  (
    cd "$BUILD_DIR/src" &&
      apt-get "${apt[@]}" source --download-only "kubernetes/$RELEASE" &&
      dpkg-source -x kubernetes_*.dsc kubernetes
  ) || cannot_build "the source package kubernetes could not be fetched"
  touch "$BUILD_DIR/src/done"
}

# Shows the end of a build's log and gives up.
build_failed() { # WHAT LOG
  tail -n 30 "$2" >&2
  cannot_build "$1 could not be built; the whole log is $2"
}

# Runs a command of Debian's Go for the API server, which is built as in the days of GOPATH.
with_go() {
  env -i HOME="$BUILD_DIR/home" LANG=C.UTF-8 CGO_ENABLED=0 GO111MODULE=off GOPROXY=off \
    GOTOOLCHAIN=local GOTELEMETRY=off GOFLAGS=-trimpath GOCACHE="$BUILD_DIR/gocache" \
    GOROOT="$BUILD_DIR/go/usr/lib/go-1.26" \
    GOPATH="$BUILD_DIR/lab:$BUILD_DIR/gopath/usr/share/gocode" \
    PATH="$BUILD_DIR/go/usr/lib/go-1.26/bin:/usr/bin:/bin" nice -n 10 "$@"
}

build_api_server() {
  local source=$BUILD_DIR/src/kubernetes code=$BUILD_DIR/lab/src/lab version
  [[ -x $BUILD_DIR/bin/kube-apiserver ]] && return
  rm -rf "$BUILD_DIR/lab"
  mkdir -p "$code"/{apiserver,openapi,rbac/validation,rbac/rbacv1} "$BUILD_DIR/home"
  cp "$here"/server/*.go "$code/apiserver/"
  {
    cp "$source/plugin/pkg/auth/authorizer/rbac/rbac.go" "$code/rbac/" &&
      cp "$source/pkg/apis/rbac/v1/evaluation_helpers.go" "$code/rbac/rbacv1/" &&
      cp "$source"/pkg/registry/rbac/validation/{rule,policy_compact}.go "$code/rbac/validation/"
  } || cannot_build "the source of RBAC is not where it was"
  sed -i 's#k8s.io/kubernetes/pkg/apis/rbac/v1#lab/rbac/rbacv1#
    s#k8s.io/kubernetes/pkg/registry/rbac/validation#lab/rbac/validation#' "$code"/rbac/{*,*/*}.go
  version=$(dpkg-deb -f "$BUILD_DIR"/debs-sid/golang-k8s-apiserver-dev_*.deb Version |
    sed 's/^0/1/; s/-.*//')
  # The schemas, which upstream keeps in k8s.io/kubernetes/pkg/generated, are made by openapi-gen.
  {
    with_go go build -o "$BUILD_DIR/bin/openapi-gen" k8s.io/kube-openapi/cmd/openapi-gen &&
      (
        cd "$code/openapi" && with_go "$BUILD_DIR/bin/openapi-gen" --output-dir "$code/openapi" \
          --output-pkg lab/openapi --output-file zz.go --go-header-file /dev/null \
          --report-filename /dev/null \
          k8s.io/api/{core,apps,discovery,coordination,events,rbac,networking,policy}/v1 \
          k8s.io/api/{scheduling,authentication,authorization,admissionregistration}/v1 \
          k8s.io/api/autoscaling/v1 k8s.io/api/discovery/v1beta1 \
          k8s.io/apimachinery/pkg/{apis/meta/v1,runtime,version,api/resource,util/intstr}
      ) &&
      with_go go build -o "$BUILD_DIR/bin/kube-apiserver.new" \
        -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v$version" lab/apiserver
  } >"$BUILD_DIR/build-api.log" 2>&1 || build_failed "the API server" "$BUILD_DIR/build-api.log"
  mv "$BUILD_DIR/bin/kube-apiserver.new" "$BUILD_DIR/bin/kube-apiserver"
}

# kube-proxy and kube-controller-manager, by their own make.
build_components() {
  local program
  has_built_programs && return
  (
    cd "$BUILD_DIR/src/kubernetes" && mkdir -p "$BUILD_DIR/home" &&
      exec env -i HOME="$BUILD_DIR/home" LANG=C.UTF-8 CGO_ENABLED=0 GOPROXY=off \
        GOROOT="$BUILD_DIR/go/usr/lib/go-1.15" LD_LIBRARY_PATH="$(library_folder)" \
        PATH="$BUILD_DIR/go/usr/lib/go-1.15/bin:$BUILD_DIR/root/usr/bin:$SYSTEM_PATH" \
        nice -n 10 make WHAT="${BUILT_PROGRAMS[*]/#/cmd/}" GOLDFLAGS='-s -w'
  ) >"$BUILD_DIR/build.log" 2>&1 || build_failed "${BUILT_PROGRAMS[*]}" "$BUILD_DIR/build.log"
  for program in "${BUILT_PROGRAMS[@]}"; do
    install -m 755 "$BUILD_DIR/src/kubernetes/_output/local/go/bin/$program" \
      "$BUILD_DIR/bin/$program.new" && mv "$BUILD_DIR/bin/$program.new" "$BUILD_DIR/bin/$program"
  done
  rm -rf "$BUILD_DIR/src/kubernetes/_output"
}

build_from_packages() {
  local apt problem began=$SECONDS
  rm -f "$BUILD_DIR/unpacked"
  echo "building the lab's programs in $BUILD_DIR: a quarter of an hour, 3.5 GB"
  set_apt
  read_package_lists
  unpack_packages
  link_programs
  fetch_source
  build_api_server
  build_components
  problem=$(obstacle_in "$BUILD_DIR")
  [[ -z $problem ]] || cannot_build "after the build: $problem"
  echo "built in $((SECONDS - began)) s"
}
