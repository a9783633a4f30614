# Finds and kills processes of a sandbox which the host does not see; is run in it beside its first process.
# Answers how many it killed, or with `left` the shells that left something running. Only words of bash: a process
# more may be one too many.
shopt -s nullglob
what=$1 name=$2 token=$3 since=$4
declare -A killed
declare -a parent group session started order

look() {
  local place line number
  local -a fields waiting=(1)
  local -A children=()
  parent=() group=() session=() started=() order=()
  for place in /proc/[0-9]*; do
    IFS= read -r -d '' line <"$place/stat"
    [[ $line ]] || continue
    fields=(${line##*) })
    [[ ${fields[0]} == [ZX] ]] && continue
    number=${place#/proc/}
    parent[number]=${fields[1]} group[number]=${fields[2]} session[number]=${fields[3]} started[number]=${fields[19]}
    children[${fields[1]}]+=" $number"
  done
  while ((${#waiting[@]})); do
    number=${waiting[0]} waiting=("${waiting[@]:1}")
    order+=(${children[$number]})
    waiting+=(${children[$number]})
  done
} 2>/dev/null

variable() { # of a process's first environment, into REPLY
  local word
  local -a words
  mapfile -d '' -t words <"/proc/$1/environ"
  REPLY=
  for word in "${words[@]}"; do
    [[ $word == "$2="* ]] && REPLY=${word#*=} && return
  done
} 2>/dev/null

leads() { ((parent[$1] == 1 && group[$1] == $1 && session[$1] != $1)); }

counts() {
  [[ $what == run ]] || return 0
  variable "$1" JOURNEYMAN_RUN
  [[ $REPLY == "$token" ]] || { [[ ! $REPLY ]] && ((started[$1] >= since)); }
}

belongs() {
  case $what in
    exec) variable "$1" JOURNEYMAN_EXEC && [[ $REPLY == "$token" ]] ;;
    jobs) ! leads "$1" ;;
    *)
      [[ ${shells[$1]-} ]] && return
      leads "$1" && return 1
      variable "$1" JOURNEYMAN_SHELL
      [[ $REPLY == "$name" ]] && counts "$1"
      ;;
  esac
}

choose() {
  local pid
  local -A taken=()
  chosen=()
  look
  for pid in "${order[@]}"; do
    if belongs "$pid" || { [[ ${taken[${parent[pid]}]-} ]] && { [[ $what == exec ]] || counts "$pid"; }; }; then
      taken[$pid]=1
      chosen+=("$pid")
    fi
  done
}

passes() { # whether none is left
  local quiet=0 turn pid fresh
  for ((turn = 0; turn < 20; turn++)); do
    choose
    fresh=0
    for pid in "${chosen[@]}"; do
      [[ ${killed[$pid.${started[pid]}]-} ]] && continue
      kill "-$1" "$pid" 2>/dev/null
      [[ $1 == STOP ]] || killed[$pid.${started[pid]}]=1
      fresh=1
    done
    if ((fresh)); then quiet=0; else ((++quiet == 2)) && return; fi
  done
  return 1
}

if [[ $what == left ]]; then
  look
  for pid in "${order[@]}"; do
    leads "$pid" && continue
    variable "$pid" JOURNEYMAN_SHELL
    echo "${REPLY:-main}"
  done
  exit
fi
if [[ $what == run ]]; then
  # Given in microseconds since the epoch; processes are dated in hundredths of a second since the start.
  read -r up _ </proc/uptime
  since=$((10#${up/./} - (${EPOCHREALTIME/./} - since) / 10000 - 1))
fi
declare -A shells=()
if [[ $what == run || $what == shell ]]; then
  look
  for pid in "${order[@]}"; do
    leads "$pid" || continue
    variable "$pid" JOURNEYMAN_SHELL
    # Its successor, which appears as soon as it is dead, must live.
    [[ $REPLY == "$name" ]] && shells[$pid]=1
  done
fi
passes KILL || { passes STOP; passes KILL; }
echo "${#killed[@]}"
