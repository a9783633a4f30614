# Prints what makes a new shell like this one, in pieces that end in NUL: each is evaluated by itself, so that one that
# fails takes no other with it. Runs in a subshell of the shell, whose functions and options are the agent's.
_jm_options="builtin set -o ${SHELLOPTS//:/; builtin set -o }"
for _jm_name in braceexpand hashall interactive-comments; do
  [[ :$SHELLOPTS: == *:$_jm_name:* ]] || _jm_options+="; builtin set +o $_jm_name"
done
builtin declare -A _jm_first _jm_seen
builtin mapfile -d '' -t _jm_names <"/proc/$$/environ"
for _jm_name in "${_jm_names[@]}"; do
  _jm_first[${_jm_name%%=*}]=${_jm_name#*=}
done
_jm_place=$(builtin pwd; builtin printf x)
builtin printf 'builtin cd -- %q\0' "${_jm_place%$'\n'x}"
builtin shopt -p
builtin umask -p
builtin printf '\0builtin set --'
(($#)) && builtin printf ' %q' "$@"
builtin printf '\0'
builtin set +aefux

# Exported ones first: should it be too much for the server, the last pieces are cut.
builtin mapfile -t _jm_names < <(builtin compgen -e; builtin compgen -v)
for _jm_name in "${_jm_names[@]}"; do
  case $_jm_name in
    _ | _jm_* | JOURNEYMAN_* | BASH | BASHOPTS | BASHPID | BASH_[!E]* | BASH_EX* | DIRSTACK | EPOCH*) ;;
    COMP_WORDBREAKS | EUID | FUNCNAME | GROUPS | HISTCMD | HOSTNAME | HOSTTYPE | LINENO | MACHTYPE | OPTERR | OPTIND | OSTYPE | PIPESTATUS | PPID | PWD | RANDOM) ;;
    SECONDS | SHELLOPTS | SHLVL | SRANDOM | UID) ;;
    *)
      [[ ${_jm_seen[$_jm_name]+x} ]] && continue
      _jm_seen[$_jm_name]=1
      # What it was started with, its successor is too, as the environment then is.
      [[ ${_jm_first[$_jm_name]+x} && ${_jm_first[$_jm_name]} == "${!_jm_name}" && ${!_jm_name@a} == x ]] && continue
      builtin declare -p -- "$_jm_name" && builtin printf '\0'
      ;;
  esac
done
for _jm_name in "${!_jm_first[@]}"; do
  case $_jm_name in
    _ | JOURNEYMAN_* | *[!A-Za-z0-9_]*) ;;
    *) [[ ${_jm_seen[$_jm_name]+x} || -v $_jm_name ]] || builtin printf 'builtin unset -v %s\0' "$_jm_name" ;;
  esac
done
builtin mapfile -t _jm_names < <(builtin compgen -A function)
for _jm_name in "${_jm_names[@]}"; do
  builtin declare -f -- "$_jm_name" && builtin declare -pF -- "$_jm_name" && builtin printf '\0'
done
builtin alias -p && builtin printf '\0'
builtin trap -p
builtin printf '\0%s\0' "$_jm_options"
