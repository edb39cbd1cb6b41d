/**
 * The POSIX sh script of the sidecar that tells a running stellar-core of new peers. reload.ts decides where it runs.
 *
 * The call is `sh -c SCRIPT name CONFIGURATION PEERS_TXT SECONDS`; the script looks at the list every SECONDS.
 *
 * - As in merge-script.ts: no text with a dollar and a parenthesis, which Kubernetes expands (so backquotes, and numbers
 *   counted in dots), and no here-document. Beside builtins only sleep and stellar-core, and getent where it is there.
 * - The first process only waits, so a signal ends it at once, whatever the second one is doing; with the first process
 *   of a container all others end. Each end of a native sidecar makes the pod not Ready, so the script ends by itself only
 *   where there is no sleep: without pauses it would take a whole processor.
 * - `stellar-core http-command` exits 0 whatever happens, so only the text of the answer counts. Logs may stand around
 *   the text. A silent stellar-core is waited for: there is nothing else to do, and its end ends the wait.
 * - A peer in the merged configuration (`configured`) is dialled by stellar-core itself. The others are told once each,
 *   and again where that failed, after pauses of 1, 2, 4 … 32 looks. After a restart of stellar-core (`startedOn`) they
 *   are told again, since only its database may still know them. So is a peer whose address has changed, as that of a
 *   new pod has: `told` holds `peer=address`.
 * - stellar-core logs an error if it is told of a peer that is connected. `peers` shows addresses, the list has names,
 *   so names are resolved by getent; where that is missing, a peer of that name counts as not connected.
 *   stellar-core is given the address then: it would resolve a name on its main thread.
 * - `used` has a dot for each outbound connection: stellar-core keeps 8 (TARGET_PEER_CONNECTIONS).
 * - `survey` splits JSON at the quotes. A key is what a colon follows: peers say of themselves what they like (`ver`), and a
 *   quote in that has a backslash before it. In `key` a quote, which no part can be, means that an address comes.
 */

export const RELOAD_SCRIPT = `set -u
LC_ALL=C
unset IFS
conf=$1 list=$2 tick=$3
nl='
'

log() {
  printf '%.300s\\n' "$1" || :
}
is_peer() {
  [ "\${#1}" -le 259 ] || return 1
  case $1 in *:*) ;; *) return 1 ;; esac
  case \${1%:*} in '' | *[!A-Za-z0-9.-]* | [.-]* | *[.-] | *..*) return 1 ;; esac
  case \${1##*:} in '' | 0* | *[!0-9]* | ??????*) return 1 ;; esac
}
read_list() {
  now=' '
  [ -r "$list" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    if is_peer "$line"; then now="$now$line "; fi
  done < "$list"
}
read_configured() {
  configured=' '
  [ -r "$conf" ] || return 0
  {
    IFS= read -r line && [ "$line" = '# written by stellar-peers' ] && IFS= read -r line || return 0
    while IFS= read -r line && [ "$line" != ']' ]; do
      line=\${line#'  "'}
      configured="$configured\${line%'",'} "
    done
  } < "$conf"
}

ask() {
  answer=
  { answer=\`stellar-core --conf "$conf" http-command "$1"\`; } 2> /dev/null || :
}
notice_restart() {
  ask info
  case $answer in *'"startedOn"'*) ;; *) return 0 ;; esac
  start=\${answer#*'"startedOn"'}
  start=\${start#*'"'}
  start=\${start%%'"'*}
  [ "$start" = "$since" ] || told=' '
  since=$start
}
survey() {
  connected=' ' used= side= key=
  IFS='"'
  for word in $answer; do
    case $word in
      :* | ' :'*)
        case $key in
          inbound | outbound) side=$key ;;
          address) key='"' && continue ;;
        esac ;;
    esac
    if [ "$key" = '"' ]; then
      connected="$connected$word "
      [ "$side" != outbound ] || used=$used.
    fi
    key=$word
  done
  unset IFS
}
resolve() {
  found=\${1%:*}
  case $found in *[!0-9.]*) ;; *) return 0 ;; esac
  command -v getent > /dev/null 2>&1 || return 0
  { found=\`getent ahostsv4 "$found"\`; } 2> /dev/null || :
  [ -n "$found" ]
}
is_connected() {
  for host in $found; do
    case $connected in *" $host:\${1##*:} "*) return 0 ;; esac
  done
  return 1
}
tell() {
  [ "\${#used}" -lt 8 ] || return 1
  host=\${found%%[!A-Za-z0-9.-]*}
  ask "connect?peer=$host&port=\${1##*:}"
  case $answer in
    *"Connect to: $host:\${1##*:}"*) used=$used. && log "told stellar-core of $1" ;;
    *) log "stellar-core was not told of $1: \${answer%%"$nl"*}" && return 1 ;;
  esac
}
list_untold() {
  todo=
  for peer in $seen; do
    case "$told$configured" in *" $peer "* | *" $peer="*) ;; *) todo="$todo $peer" ;; esac
  done
}
visit() {
  rest=............
  forget_moved
  list_untold
  [ -n "$todo$told" ] && [ "$todo$told" != ' ' ] || return 0
  notice_restart
  list_untold
  [ -n "$todo" ] || return 0
  ask peers
  case $answer in *'"authenticated_peers"'*) survey ;; *) failed=yes && return 0 ;; esac
  for peer in $todo; do
    if resolve "$peer" && { is_connected "$peer" || tell "$peer"; }; then
      told="$told$peer=$host "
    else
      failed=yes
    fi
  done
}
watch() {
  set -f
  read_configured
  seen= told=' ' since= rest= pause=.
  while :; do
    read_list
    if [ "$now" != "$seen" ]; then
      seen=$now rest= pause=.
      forget_gone
    elif [ -n "$rest" ]; then
      rest=\${rest#.}
    else
      failed=
      visit
      if [ -z "$failed" ]; then
        pause=.
      else
        rest=$pause
        [ "\${#pause}" -ge 32 ] || pause=$pause$pause
      fi
    fi
    sleep "$tick" || return
  done
}
forget_gone() {
  kept=' '
  for entry in $told; do
    case $seen in *" \${entry%=*} "*) kept="$kept$entry " ;; esac
  done
  told=$kept
}
forget_moved() {
  kept=' '
  for entry in $told; do
    if ! resolve "\${entry%=*}" || is_found "\${entry#*=}"; then kept="$kept$entry "; fi
  done
  told=$kept
}
is_found() {
  for word in $found; do
    [ "$word" != "$1" ] || return 0
  done
  return 1
}

worker=none
trap 'kill "$worker" 2> /dev/null; exit 0' TERM INT
while :; do
  watch &
  worker=$!
  wait "$worker"
  sleep "$tick" &
  wait "$!" || exit 1
done
`;
