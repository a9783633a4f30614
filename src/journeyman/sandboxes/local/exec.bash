# Runs one-shot programs side by side: takes a token, reads directory, input and arguments from the file of that name.
exec 3<>/run/journeyman/.exec.in 4<>/run/journeyman/events </dev/null >/dev/null 2>&1
set -m
io=/run/journeyman
while IFS= read -r -u 3 token; do
  {
    mapfile -d '' -t argv <"$io/$token.argv"
    (cd -- "${argv[0]}" && JOURNEYMAN_EXEC=$token exec -- "${argv[@]:2}") \
      <"${argv[1]}" >"$io/$token.out" 2>"$io/$token.err" 3<&- 4>&-
    printf 'done %s %s\n' "$token" "$?" >&4
  } &
done
