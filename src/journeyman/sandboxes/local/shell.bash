# A persistent shell: takes a token, runs the script of that name, says how it ended.
exec 3<>"/run/journeyman/$JOURNEYMAN_SHELL.in" 4<>/run/journeyman/events </dev/null >/dev/null 2>&1
_jm_last='- -'
# `until !` and not `while`: after `set -n` nothing is executed, and only this form then ends.
until ! IFS=' ' builtin read -r -u 3 _jm_token _jm_pipe; do
  if [[ $_jm_token == '?'* ]]; then
    builtin printf 'idle %s %s\n' "${_jm_token#?}" "$_jm_last" >&4 || builtin exit
  else
    builtin mapfile -d '' -n 1 -t _jm_script <"/run/journeyman/$_jm_pipe.script" || builtin exit
    exec 5<>"/run/journeyman/$_jm_pipe.out"
    # One turn of a loop, so that a stray `break` or `continue` ends the script and not the shell.
    for _jm_once in 1; do
      builtin eval "${_jm_script[0]}" </dev/null >&5 2>&1 3<&- 4>&- 5>&-
    done
    _jm_last="$_jm_token $?"
    builtin printf 'done %s\n' "$_jm_last" >&4 || builtin exit
  fi
done
