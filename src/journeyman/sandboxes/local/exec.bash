# Runs one-shot programs side by side: takes a token, two pipes for stdout and stderr, and a server to tell.
exec 3<>/run/journeyman/.exec.in </dev/null >/dev/null 2>&1
# When memory runs out, all goes before the first process.
echo 500 >/proc/self/oom_score_adj
set -m
io=/run/journeyman
for server in "$io"/*.events; do
  printf '\nup .exec\n' 1<>"$server"
done
while IFS=' ' read -r -u 3 token out err server; do
  {
    # How many arguments, the directory, the input, the arguments; then what is left of an earlier call.
    mapfile -d '' -t argv <"$io/$out.argv"
    (cd -- "${argv[1]}" && JOURNEYMAN_EXEC=$token exec -- "${argv[@]:3:argv[0]}") \
      <"${argv[2]}" >"$io/$out.out" 2>"$io/$err.out" 3<&-
    printf '\ndone %s %s -\n' "$token" "$?" 1<>"$io/$server.events"
  } &
done
