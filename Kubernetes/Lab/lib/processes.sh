# The lab's processes: how they are started, noted and ended.
#
# A process is noted with the moment at which it began, so that another one that has got its number
# since is left alone.
# shellcheck shell=bash disable=SC2154 # `state` is that of the chosen lab

fail() {
  printf 'kube-lab: %s\n' "$*" >&2
  exit 1
}

in_namespace() { # NAMESPACE COMMAND...
  local namespace=$1
  shift
  ip netns exec "$namespace" "$@"
}

# Runs a command as the programs of the lab run: with their libraries, and without the variables of
# the caller, such as a proxy's.
clean() {
  set_environment
  "${environment[@]}" "$@"
}

# Sets `environment`.
set_environment() {
  local library iptables=$PROGRAMS/xt-nft
  library=$(library_folder)
  if [[ -e $state/iptables ]]; then iptables=$(cat "$state/iptables"); fi
  environment=(
    env -i HOME="$state" LANG=C.UTF-8 LD_LIBRARY_PATH="$library" XTABLES_LIBDIR="$library/xtables"
    XTABLES_LOCKFILE="$state/xtables.lock"
    PATH="$iptables:$PROGRAMS/bin:$SYSTEM_PATH"
  )
}

# When a process began, in the kernel's ticks; nothing for one that has ended.
began() { # PID
  local fields
  # The name in parentheses may have blanks in it.
  fields=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) || return 0
  case $fields in
  '' | Z*) ;;
  *) cut -d' ' -f20 <<<"$fields" ;;
  esac
}

# Whether a process still is the one that was noted.
is_same() { # PID BEGAN
  [[ -n $2 && $(began "$1") == "$2" ]]
}

# Starts a process of the lab and notes it.
spawn() { # NAME NAMESPACE COMMAND...
  local name=$1 namespace=$2
  shift 2
  set_environment
  # Each of these replaces itself by the next, so $! is the program's own number.
  "${environment[@]}" setsid ip netns exec "$namespace" "$@" \
    >>"$state/log/$name" 2>&1 </dev/null 9>&- &
  printf '%s %s %s\n' "$name" "$!" "$(began $!)" >>"$state/processes"
}

# Prints the number of a process that was started under a name, if it lives.
alive() { # NAME
  local name pid since
  while read -r name pid since; do
    if [[ $name == "$1" ]] && is_same "$pid" "$since"; then
      echo "$pid"
      return 0
    fi
  done <"$state/processes"
  return 1
}

# Ends the processes of the lab whose names match: by SIGTERM, after five seconds by SIGKILL.
stop() { # PATTERN
  local name pid since turn left
  [[ -e $state/processes ]] || return 0
  for turn in {1..60}; do
    left=no
    while read -r name pid since; do
      # shellcheck disable=SC2053 # a pattern
      if [[ $name != $1 ]] || ! is_same "$pid" "$since"; then continue; fi
      left=yes
      case $turn in
      1) kill -TERM "$pid" ;;
      50) kill -KILL "$pid" ;;
      esac 2>/dev/null
    done <"$state/processes"
    [[ $left == no ]] && break
    sleep 0.1
  done
  while read -r name pid since; do
    # shellcheck disable=SC2053
    [[ $name == $1 ]] || printf '%s %s %s\n' "$name" "$pid" "$since"
  done <"$state/processes" >"$state/processes.new"
  mv "$state/processes.new" "$state/processes"
}

list_processes() {
  local name pid since memory
  while read -r name pid since; do
    if is_same "$pid" "$since"; then
      memory=$(awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$pid/status")
      printf '%-24s %7s %6s MiB\n' "$name" "$pid" "$memory"
    else
      printf '%-24s has ended\n' "$name"
    fi
  done <"$state/processes"
}

# Whether the output of a command has a line that matches.
prints() { # REGEXP COMMAND...
  local expression=$1
  shift
  "$@" 2>/dev/null | grep -q -- "$expression"
}

# Repeats a command until it succeeds.
wait_for() { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || return 1
    sleep 0.2
  done
}
