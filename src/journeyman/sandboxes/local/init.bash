# The first process of a sandbox: starts the shells it is told of. At every line it starts those anew that have died,
# and tells the servers; they notice deaths, since bash cannot wait for a line and for its children at once.
io=/run/journeyman
exec 3<>"$io/control" </dev/null >/dev/null 2>&1
# It may have been removed, or be something else by now.
cd -- "$JOURNEYMAN_WORKDIR" || { mkdir -p -- "$JOURNEYMAN_WORKDIR" && cd -- "$JOURNEYMAN_WORKDIR"; } || cd /
# Job control gives every shell its own process group and default signal handlers.
set -m
shopt -s nullglob
declare -A shells

launch() {
  local program=shell
  [[ $1 == .exec ]] && program=exec
  {
    [[ -e $io/variables ]] && . "$io/variables"
    export JOURNEYMAN_SHELL=$1 JOURNEYMAN_BEFORE=$2
    exec /usr/bin/bash --noprofile --norc -c "eval \"\$(<$io/$program)\"" bash
  } 3<&- &
  shells[$!]=$1
}

sweep() {
  local pid name code server
  for pid in "${!shells[@]}"; do
    [[ -d /proc/$pid ]] && continue
    name=${shells[$pid]}
    unset "shells[$pid]"
    wait "$pid"
    code=$?
    launch "$name" "$code"
    for server in "$io"/*.events; do
      printf '\ngone %s %s\n' "$name" "$code" 1<>"$server"
    done
  done
}

launch main ''
while read -r -u 3 name; do
  [[ $name == - ]] || launch "$name" ''
  sweep
done
