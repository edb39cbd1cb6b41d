/**
 * The POSIX sh script of the init container that puts the peers in front of a stellar-core configuration. merge.ts
 * decides where the script runs; merge-outcome.ts reads its termination message.
 *
 * The call is `sh -c SCRIPT name ORIGINAL_DIR FILE PEERS_TOML TARGET_DIR KEY TERMINATION_LOG SHARE`.
 * SHARE is `half` if siblings may take only half of the outbound connections as preferred peers, else `all`.
 *
 * - The script is part of every validator's pod, so it is short and its comments are here. Kubernetes expands `$(` and
 *   `$$` in a container's arguments, so the script has neither command substitution nor arithmetic: it counts by the
 *   length of a string of dots, and reads constants from a pipe. It uses no here-documents, because shells write those
 *   to /tmp, and the root file system is read-only. Besides builtins it uses only cat, ln, mv, rm.
 * - Links to the originals come first, so that the main container always sees its own configuration, live. Without
 *   links it would start in an empty folder. So only a failure to link fails the script, and the kubelet retries.
 *   Init containers run again after a reboot: the script then links and merges anew what an earlier run left.
 * - The merge runs behind the pipe, in a process of its own, so that no error in it can fail the script.
 *   The temporary name begins with two dots, which no key of a ConfigMap or Secret may.
 * - `scan` reads the top level of the TOML, up to the first table header. `quote` is the delimiter of the string that
 *   it is in, `depth` has a dot for each open bracket. In doubt `scan` fails, and the original stays: with a key that
 *   is given twice, stellar-core would not start. `read` without IFS drops the indentation. Each step copies the rest
 *   of the line, so a very long line counts as unreadable.
 * - Our list has the format of views.ts: a peer a line, and a comment before the peers outside the cluster (`far`).
 *   To limit siblings to half of the connections, the script counts two dots for each sibling. The termination
 *   message has the number of siblings (`own`), because stellar-core dials no other siblings.
 * - The configuration is opened twice at once, for the scan and the copy, so that both see the same version of it.
 *   A byte order mark would end up in the middle. So it is dropped, in the only line that does not pass through cat.
 */

export const MERGE_SCRIPT = `set -u
LC_ALL=C
unset IFS
umask 022
original=$1 file=$2 list=$3 target=$4 want=$5 log=$6 share=$7
new=$target/..stellar-peers.new
nl='
'

say() {
  { printf '%s\\n' "$1" > "$log"; } 2> /dev/null || :
  printf '%s\\n' "$2" || :
}
finish() {
  say "$1" "$file: $2"
  exit 0
}
fail() {
  rm -f "$new"
  finish "MergeFailed $1" "the original is used, without our peers: $1."
}

is_peer() {
  [ "\${#1}" -le 259 ] || return 1
  case $1 in *:*) ;; *) return 1 ;; esac
  case \${1%:*} in '' | *[!A-Za-z0-9.-]* | [.-]* | *[.-] | *..*) return 1 ;; esac
  case \${1##*:} in '' | 0* | *[!0-9]* | ??????*) return 1 ;; esac
  [ "\${1##*:}" -le 65535 ]
}
read_peers() {
  while IFS= read -r line || [ -n "$line" ]; do
    line=\${line%"$cr"}
    case $line in
      KNOWN_PEERS=* | ']') continue ;;
      '  # '*) far=+ && continue ;;
    esac
    line=\${line#'  "'} line=\${line%'",'}
    if is_peer "$line"; then peers="$peers $far$line"; else odd=$odd.; fi
  done
}

scan() {
  while read -r rest || [ -n "$rest" ]; do
    [ "\${#rest}" -le 32768 ] || return 1
    case $rest in
      "$bom"*)
        mark=yes rest=\${rest#"$bom"}
        rest=\${rest#"\${rest%%[![:blank:]]*}"} ;;
    esac
    rest=\${rest%"$cr"}
    if [ -z "$quote$depth" ]; then
      case $rest in '' | '#'*) continue ;; '['*) return 0 ;; esac
      key || return 1
    fi
    value || return 1
  done
  [ -z "$quote$depth" ]
}
key() {
  case $rest in
    '"'*'"'*) word=\${rest#?} word=\${word%%'"'*} rest=\${rest#?*'"'} ;;
    "'"*"'"*) word=\${rest#?} word=\${word%%"'"*} rest=\${rest#?*"'"} ;;
    [!A-Za-z0-9_-]*) return 1 ;;
    *) word=\${rest%%[!A-Za-z0-9_-]*} rest=\${rest#"$word"} ;;
  esac
  case $rest in *=*) ;; *) return 1 ;; esac
  case $word in
    KNOWN_PEERS | PREFERRED_PEERS) taken="$taken$word " ;;
    PREFERRED_PEERS_ONLY | TARGET_PEER_CONNECTIONS)
      set -- \${rest%%=*} \${rest#*=} ''
      case $word in *Y) only=\${1%%#*} ;; *) slots=$share\${1%%#*} ;; esac ;;
    *'\\'*) return 1 ;;
  esac
}
value() {
  while :; do
    case $quote in
      '') stop='[][{}#"'"'"']*' ;;
      '"'*) stop='[\\\\"]*' ;;
      *) stop="'*" ;;
    esac
    rest=\${rest#"\${rest%%$stop}"}
    case "$quote $rest" in
      "$quote " | ' #'*) break ;;
      ' """'*) quote='"""' rest=\${rest#???} ;;
      " '''"*) quote="'''" rest=\${rest#???} ;;
      ' "'*) quote='"' rest=\${rest#?} ;;
      " '"*) quote="'" rest=\${rest#?} ;;
      ' ['* | ' {'*) depth=$depth. rest=\${rest#?} ;;
      ' '*)
        [ -n "$depth" ] || return 1
        depth=\${depth#?} rest=\${rest#?} ;;
      '" \\'* | '""" \\'*)
        rest=\${rest#?}
        rest=\${rest#?} ;;
      '""" """'* | "''' '''"*)
        quote= rest=\${rest#???}
        rest=\${rest#[\\"\\']}
        rest=\${rest#[\\"\\']} ;;
      '" '* | "' "*) quote= rest=\${rest#?} ;;
      *) rest=\${rest#?} ;;
    esac
  done
  [ "\${#quote}" -ne 1 ]
}

choose() {
  for name in KNOWN_PEERS PREFERRED_PEERS ''; do
    case $taken in *" $name "*) continue ;; esac
    case $want in auto | "$name") break ;; esac
  done
  [ -n "$name" ] || finish BothTaken 'it names peers itself, and is used as it is.'
  text="# written by stellar-peers$nl$name=["
  case $slots in half*[!0-9]* | half??????*) ;; half[1-9]*) most=\${slots#half} ;; esac
  case $name in K*) most=99999 share= ;; esac
  for peer in $peers; do
    [ "\${#count}" -lt "$most" ] || break
    case $share$peer in half[!+]*) near=$near.. && [ "\${#near}" -le "$most" ] && own=$own. || continue ;; esac
    text="$text$nl  \\"\${peer#+}\\"," count=$count.
  done
}
copy() {
  printf '%s\\n]\\n' "$text" || return 1
  if [ -n "$mark" ]; then
    IFS= read -r line && line=$line$nl
    printf '%s' "\${line#"$bom"}" || return 1
  fi
  cat
}
merge() {
  set -f
  peers= odd= mark= taken=' ' quote= depth= count= far= near= own= only= slots= most=8 did=Merged
  case $want in auto | KNOWN_PEERS | PREFERRED_PEERS) ;; *) fail 'the key for peers is not known' ;; esac
  [ -f "$list" ] && read_peers < "$list"
  [ -n "$peers" ] || finish NoPeers 'no peers yet; it is used as it is.'
  [ -f "$original/$file" ] && [ -r "$original/$file" ] || finish ConfigMissing 'there is no such file to read.'
  {
    scan <&3 || fail 'its TOML cannot be read with certainty'
    choose
    copy <&4 > "$new" && mv -f "$new" "$target/$file" || fail 'the result cannot be written'
  } 3< "$original/$file" 4< "$original/$file" || fail 'the original cannot be opened'
  [ "$name$only" != KNOWN_PEERStrue ] || did=PeersIgnored
  finish "$did $name \${#count}\${near:+, siblings \${#own}}" "$did; peers in front, as $name: \${#count}; lines that are no host:port: \${#odd}."
}

for entry in "$target"/* "$target"/.[!.]*; do
  [ -e "$entry" ] || rm -f "$entry"
done
rm -f "$target/$file" "$new"
for entry in "$original"/* "$original"/.[!.]*; do
  link=$target/\${entry##*/}
  [ -e "$entry" ] || [ -L "$entry" ] || continue
  [ -e "$link" ] || [ -L "$link" ] || ln -s "$entry" "$link" && continue
  say 'MergeFailed a link to the original cannot be made' "$link cannot be made; without it the container must not start."
  exit 1
done
printf '\\357\\273\\277 \\r\\n' | (
  IFS=' ' read -r bom cr
  merge
) || fail 'an unexpected error'
`;
