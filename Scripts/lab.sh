# Networks of namespaces on one machine, for the scripts that show and measure failover.
#
# To be sourced by a script that has set `prefix`: all namespaces are named PREFIX-…, and nothing
# outside of them is touched.
# shellcheck shell=bash disable=SC2034,SC2317 # used by, and called by name from, the script
: "${prefix:?}"
export LC_ALL=C.UTF-8

readonly STATE_DIR=/run/$prefix
readonly PROCESSES=$STATE_DIR/processes
# The program to show or measure: a release build, unless another one is named.
VIPCTL=${VIPCTL_BINARY:-$PWD/.build/release/vipctl}

# --- What is shown ----------------------------------------------------------------------------

on_terminal=no
[[ -t 2 && -t 1 ]] && on_terminal=yes
bold='' dim='' good='' bad='' plain=''
if [[ $on_terminal == yes && -z ${NO_COLOR-} && ${TERM-dumb} != dumb ]]; then
  bold=$'\e[1m' dim=$'\e[2m' good=$'\e[32m' bad=$'\e[31m' plain=$'\e[0m'
fi

say() { printf '%s\n' "$*"; }
heading() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
clear_line() { if [[ $on_terminal == yes ]]; then printf '\r\e[K' >&2; fi; }
fail() {
  clear_line
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Microseconds since 1970.
now() { echo "${EPOCHREALTIME/./}"; }

spin_count=0
# Shows that something still happens, and for how long; only a terminal gets it.
spin() { # TEXT STARTED
  [[ $on_terminal == yes ]] || return 0
  local frames="|/-\\" tenths=$((($(now) - $2) / 100000))
  printf '\r\e[K  %s%s %s  %d.%d s%s' "$dim" "${frames:spin_count++%4:1}" "$1" \
    $((tenths / 10)) $((tenths % 10)) "$plain" >&2
}

# Waits until a command succeeds.
wait_for() { # TEXT LIMIT_SECONDS COMMAND…
  local text=$1 limit=$2 started
  started=$(now)
  shift 2
  until "$@"; do
    if (($(now) - started > limit * 1000000)); then
      show_logs
      fail "not within $limit s: $text"
    fi
    spin "$text" "$started"
    sleep 0.03
  done
  clear_line
}

show_logs() {
  local log
  clear_line
  for log in "$STATE_DIR"/*.log; do
    [[ -s $log ]] || continue
    say "--- ${log##*/}:"
    tail -n 5 "$log"
  done >&2
}

# --- Processes and their end ------------------------------------------------------------------

command_line() { tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline"; }

# Starts a process in a node, in a group of its own, and notes it, so that this run or, after a
# crash, the next one can end it. Sets `started`.
start() { # NODE LOG COMMAND…
  local node=$1 log=$2 line self
  shift 2
  # Not by a function: in the background that would be a shell around the process.
  setsid ip netns exec "$prefix-$node" "$@" </dev/null >"$log" 2>&1 &
  started=$!
  # The shell shall not report deaths that are to come.
  disown "$started"
  self=$(command_line $$)
  # First it is a copy of this shell; then setsid and `ip` each replace themselves.
  for _ in {1..200}; do
    line=$(command_line "$started")
    [[ $line == "$self" || $line == "setsid "* || $line == "ip netns exec "* ]] || break
    sleep 0.005
  done
  printf '%s %s\n' "$started" "$line" >>"$PROCESSES"
}

# Ends recorded processes, and only those that still are what was recorded.
end_recorded() {
  local pid line
  [[ -e $PROCESSES ]] || return 0
  while read -r pid line; do
    if [[ $line == "$(command_line "$pid" | sed 's/ *$//')" ]]; then kill -TERM "$pid"; fi
  done <"$PROCESSES" 2>/dev/null
}

own_namespaces() { ip netns list 2>/dev/null | awk -v p="$prefix-" 'index($1, p) == 1 { print $1 }'; }

own_processes() {
  local namespace
  for namespace in $(own_namespaces); do ip netns pids "$namespace" 2>/dev/null; done
}

no_own_processes() { [[ -z $(own_processes) ]]; }

remove_all() {
  local namespace pid
  end_recorded
  for _ in {1..60}; do
    no_own_processes && break
    sleep 0.05
  done
  # What still lives in one of our own namespaces was started by this script or an earlier run.
  for pid in $(own_processes); do kill -KILL "$pid" 2>/dev/null; done
  for namespace in $(own_namespaces); do ip netns del "$namespace"; done
  rm -rf "$STATE_DIR"
}

finish() {
  local status=$?
  trap - EXIT INT TERM HUP
  clear_line
  remove_all
  exit "$status"
}

# --- The network ------------------------------------------------------------------------------

in_node() { # NODE COMMAND…
  local node=$1
  shift
  ip netns exec "$prefix-$node" "$@"
}

# Node N has the addresses 198.18.0.N and 2001:db8:18::N; 198.18.0.0/15 is one segment.
plug_in() { # NODE NUMBER
  local node=$1 number=$2
  ip netns add "$prefix-$node" || return
  ip -n "$prefix-switch" link add "p$number" type veth peer name eth0 netns "$prefix-$node" || return
  # The nodes know each other: no waiting for duplicate address detection.
  in_node "$node" sysctl -qw net.ipv6.conf.eth0.accept_dad=0 || return
  ip -n "$prefix-switch" link set "p$number" master br0 up || return
  ip -n "$prefix-$node" -batch - <<BATCH
link set lo up
link set eth0 address $(printf '02:76:64:00:00:%02x' "$number")
address add 198.18.0.$number/15 dev eth0
address add 2001:db8:18::$number/64 dev eth0 nodad
link set eth0 up
BATCH
}

# A switch, the nodes n1, n2, … and a client.
build_network() { # COUNT
  local number
  ip netns add "$prefix-switch" || return
  ip -n "$prefix-switch" link add br0 type bridge mcast_snooping 0 || return
  ip -n "$prefix-switch" link set br0 up || return
  for ((number = 1; number <= $1; number++)); do plug_in "n$number" "$number" || return; done
  plug_in client 99
}

pull_cable() { ip -n "$prefix-switch" link set "p$1" down; }
plug_cable() { ip -n "$prefix-switch" link set "p$1" up; }

has_address() { # NODE ADDRESS
  [[ -n $(ip -n "$prefix-$1" -o address show dev eth0 to "$2" 2>/dev/null) ]]
}
lacks_address() { ! has_address "$@"; }

# The longest pause between two replies in the output of `ping -D` since a moment, in
# milliseconds with two decimals.
longest_gap() { # FILE MICROSECONDS
  awk -v from="$2" '/bytes from/ {
      t = substr($1, 2, 17) + 0
      if (before && t * 1000000 >= from && t - before > longest) longest = t - before
      before = t
    } END { printf "%.2f\n", longest * 1000 }' "$1"
}

# RFC 9568 §6.1, in milliseconds: three intervals and the skew of a priority.
active_down() { # INTERVAL_MS PRIORITY
  echo $((3 * $1 + $1 * (256 - $2) / 256))
}

# --- Beginning --------------------------------------------------------------------------------

build() {
  [[ -n ${VIPCTL_BINARY-} ]] && return 0
  local log status began pid
  began=$(now)
  log=$(mktemp)
  [[ $on_terminal == yes ]] || say "building vipctl (release)"
  env -u MAKEFLAGS -u MAKELEVEL make --silent release >"$log" 2>&1 </dev/null &
  pid=$!
  # Nothing else is there yet that an interruption would have to remove.
  trap 'kill "$pid" 2>/dev/null; rm -f "$log"; clear_line; exit 130' INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    spin "building vipctl (release)" "$began"
    sleep 0.1
  done
  wait "$pid"
  status=$?
  trap - INT TERM
  clear_line
  if ((status != 0)); then
    tail -n 30 "$log" >&2
    rm -f "$log"
    fail "the build has failed"
  fi
  rm -f "$log"
}

# Builds vipctl, becomes root, removes what a crashed run has left, and sees to it that this one
# leaves nothing.
begin() { # ARGUMENTS OF THE SCRIPT…
  local other
  build
  if ((EUID != 0)); then
    command -v sudo >/dev/null || fail "namespaces need root: run it as root"
    exec sudo VIPCTL_BINARY="$VIPCTL" NO_COLOR="${NO_COLOR-}" TERM="${TERM-}" "$0" "$@"
  fi
  [[ -x $VIPCTL ]] || fail "no program $VIPCTL"
  other=$(cat "$STATE_DIR/owner" 2>/dev/null)
  if [[ -n $other && $other != "$$" && $(command_line "$other") == *"${0##*/}"* ]]; then
    fail "it already runs (process $other)"
  fi
  [[ -d $STATE_DIR || -n $(own_namespaces) ]] && remove_all
  mkdir -p "$STATE_DIR" || fail "cannot write to $STATE_DIR"
  echo $$ >"$STATE_DIR/owner"
  trap finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}
