/**
 * The POSIX sh script of the sidecar that tells a running stellar-core of new peers. reload.ts decides where it runs.
 *
 * The call is `sh -c SCRIPT name CONFIGURATION PEERS_TXT SECONDS`; the script looks at the list every SECONDS.
 *
 * - The limits of merge-script.ts hold here too. Kubernetes expands a dollar with a parenthesis, so the script uses
 *   backquotes, and counts in dots. It uses no here-documents. Besides builtins it uses sleep, stellar-core and getent.
 * - The first process of the container only waits, so a signal ends it at once, and all other processes with it. Each end
 *   of a native sidecar makes the pod not Ready. So the script ends by itself only if there is no sleep: without pauses
 *   it would use a whole processor.
 * - `stellar-core http-command` always exits with 0, so only the text of the answer counts. Log lines may surround the
 *   text. If stellar-core does not answer, the script waits; the end of stellar-core ends the wait.
 * - stellar-core itself dials the peers of the merged configuration (`configured`). The script tells it of each other peer
 *   once, and again after a failure, after pauses of 1, 2, 4 … 32 looks. It tells all again after a restart of stellar-core
 *   (`startedOn`), and tells of a peer again if its address has changed: `told` holds `peer=address`.
 * - stellar-core logs an error if it is told of a connected peer. The answer to `peers` has addresses, but the list has
 *   names, so getent resolves the names. Without getent, a peer with a name counts as not connected.
 *   The script passes the resolved address, because stellar-core would resolve a name on its main thread.
 * - `used` has a dot for each outbound connection: stellar-core keeps 8 (TARGET_PEER_CONNECTIONS).
 * - `survey` splits JSON at the quotes. A text before a colon is a key. Peers choose their own `ver`; a quote in it has a
 *   backslash before it. If `key` is a quote, which no key can be, the next text is an address.
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
