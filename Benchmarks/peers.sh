# The programs that are compared, started with the same settings. To be sourced after lab.sh.
# shellcheck shell=bash
: "${STATE_DIR:?}" "${VIPCTL:?}"

# Writes a configuration with virtual routers of the same priority and interval.
# Each router is a word VRID:ADDRESS[,ADDRESS…]; with VIRTUAL_MAC=1 under virtual MAC addresses.
write_configuration() { # IMPLEMENTATION FILE PRIORITY INTERVAL_MS ROUTER…
  local implementation=$1 file=$2 priority=$3 interval=$4
  shift 4
  printf '%s\n' "$@" |
    awk -F : -v priority="$priority" -v interval="$interval" \
      -v virtual_mac="${VIRTUAL_MAC:-}" -f "Benchmarks/$implementation.awk" >"$file"
}

# Starts a program on a node with one virtual router, VRID 51. Sets `started`.
start_router() { # IMPLEMENTATION NODE PRIORITY INTERVAL_MS ADDRESS
  write_configuration "$1" "$STATE_DIR/$2.conf" "$3" "$4" "51:$5"
  start_configured "$1" "$2"
}

# Starts a program on a node with the configuration STATE_DIR/NODE.conf. Sets `started`.
start_configured() { # IMPLEMENTATION NODE
  local files=$STATE_DIR/$2
  case $1 in
    vipctl)
      start "$2" "$files.log" "$VIPCTL" run --config "$files.conf" --runtime-dir "$files.run"
      ;;
    keepalived)
      start "$2" "$files.log" keepalived --dont-fork --log-console --no-syslog --vrrp \
        --use-file "$files.conf" --pid "$files.pid" --vrrp_pid "$files.vrrp.pid"
      ;;
    *) fail "unknown implementation $1" ;;
  esac
}

# The processes of a program that was started: itself and all that it has started.
family_of() { # PID
  local pids=("$1") pid child
  for ((i = 0; i < ${#pids[@]}; i++)); do
    pid=${pids[i]}
    # shellcheck disable=SC2013 # the words are what is wanted
    for child in $(cat "/proc/$pid/task/"*/children 2>/dev/null); do pids+=("$child"); done
  done
  echo "${pids[@]}"
}

# The processor time a program has used so far, in clock ticks (10 ms each).
ticks_of() { # PID
  local pid sum=0 line
  for pid in $(family_of "$1"); do
    read -r line 2>/dev/null <"/proc/$pid/stat" || continue
    # The name in parentheses may hold blanks: count from behind it.
    # shellcheck disable=SC2086 # the fields are the words
    set -- ${line##*) }
    sum=$((sum + ${12} + ${13}))
  done
  echo $sum
}

# The resident memory of a program in KiB: all of it, and what it has for itself.
memory_of() { # PID
  local pid
  for pid in $(family_of "$1"); do cat "/proc/$pid/status" 2>/dev/null; done |
    awk '/^VmRSS:/ { all += $2 } /^RssAnon:/ { own += $2 } END { print all + 0, own + 0 }'
}
