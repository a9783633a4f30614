# A persistent shell: takes a token, a pipe and a server, runs the pipe's script, tells the server how it ended.
exec 3<>"/run/journeyman/$JOURNEYMAN_SHELL.in" </dev/null >/dev/null 2>&1
# When memory runs out, all goes before the first process.
echo 500 >/proc/self/oom_score_adj
# Every message begins with a line end: a program may have left half a line in the pipe.
# What the last run was, and the exit code of the shell before this one until a run has told it.
_jm_last='- -' _jm_before=$JOURNEYMAN_BEFORE
unset JOURNEYMAN_BEFORE
for _jm_server in /run/journeyman/*.events; do
  printf '\nup %s\n' "$JOURNEYMAN_SHELL" 1<>"$_jm_server"
done
# What a stop kept of this shell. Not after a death, which it may have caused.
if [[ -z $_jm_before && -e /run/journeyman/$JOURNEYMAN_SHELL.kept ]]; then
  mapfile -d '' -t _jm_pieces <"/run/journeyman/$JOURNEYMAN_SHELL.kept"
  for _jm_once in "${_jm_pieces[@]}"; do
    builtin eval "$_jm_once" 3<&-
  done
  builtin unset _jm_pieces
fi
# `until !` and not `while`: after `set -n` nothing is executed, and only this form then ends.
until ! IFS=' ' builtin read -r -u 3 _jm_token _jm_pipe _jm_server; do
  _jm_server=/run/journeyman/$_jm_server.events
  if [[ $_jm_pipe == - ]]; then
    builtin printf '\nidle %s %s %s\n' "$_jm_token" "$_jm_last" "${_jm_before:--}" 1<>"$_jm_server"
    _jm_before=
  elif [[ $_jm_pipe == =* ]]; then
    (builtin eval "$(</run/journeyman/save)") 1<>"/run/journeyman/${_jm_pipe#=}.out" 3<&- || builtin :
    builtin printf 'done %s 0 %s\n' "$_jm_token" "${_jm_before:--}" 1<>"$_jm_server"
  else
    builtin mapfile -d '' -n 1 -t _jm_script <"/run/journeyman/$_jm_pipe.script" || builtin exit
    exec 5<>"/run/journeyman/$_jm_pipe.out"
    export JOURNEYMAN_RUN=$_jm_token
    # One turn of a loop, so that a stray `break` or `continue` ends the script and not the shell.
    for _jm_once in 1; do
      builtin eval "${_jm_script[0]}" </dev/null >&5 2>&1 3<&- 5>&-
    done
    _jm_last="$_jm_token $?"
    builtin printf '\ndone %s %s\n' "$_jm_last" "${_jm_before:--}" 1<>"$_jm_server" || [[ ! -p $_jm_server ]] || builtin exit
    _jm_before=
  fi
done
