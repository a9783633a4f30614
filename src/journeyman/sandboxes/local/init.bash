# The first process of a sandbox: starts shells, starts them again when they die, and tells every server.
io=/run/journeyman
exec 3<>"$io/control" 4<>"$io/never" </dev/null >/dev/null 2>&1
# Job control gives every shell its own process group and default signal handlers.
set -m
shopt -s nullglob
declare -A shells

launch() {
  local program=shell
  [[ $1 == .exec ]] && program=exec
  JOURNEYMAN_SHELL=$1 JOURNEYMAN_BEFORE=$2 \
    bash --noprofile --norc -c "eval \"\$(<$io/$program)\"" bash 3<&- 4<&- &
  shells[$!]=$1
}

hear() {
  local name
  while read -r -t 0 -u 3 && read -r -u 3 name; do
    launch "$name" ''
  done
}

# Starts anew what died; `wait` may have told of one only.
sweep() {
  local pid name code server
  for pid in "${!shells[@]}"; do
    [[ -d /proc/$pid ]] && continue
    name=${shells[$pid]}
    unset "shells[$pid]"
    wait "$pid"
    code=$?
    [[ $pid == "$1" ]] && code=$2
    launch "$name" "$code"
    for server in "$io"/*.events; do
      printf 'gone %s %s\n' "$name" "$code" 1<>"$server"
    done
  done
}

# Nothing more in the trap: a loop there would be one of the ends of loops below.
trap 'poked=1' USR1
launch .exec ''
launch main ''
while :; do
  poked=
  hear
  child=
  code=0
  all="${!shells[*]}"
  # A death before this test is seen by it, one after it by `wait`: no end of a loop, where deaths are forgotten,
  # lies between the two.
  eval "[[ -z \$poked && -d /proc/${all// / && -d /proc/} ]]" && { wait -f -n -p child; code=$?; }
  sweep "$child" "$code"
  ((code == 127)) && read -r -t 0.1 -u 4
done
