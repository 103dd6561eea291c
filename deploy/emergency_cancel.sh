#!/usr/bin/env bash
# Cancels every order of a subaccount at Kalshi and proves that nothing rests. It needs bash, curl, openssl and a key: nothing of this project.
#
#   emergency_cancel.sh --key-id-file FILE --key FILE [--subaccount N] [--url https://HOST/trade-api/v2] [--seconds 60] [--keep-groups]
#
# It triggers the order groups (the venue cancels what is in them and refuses whatever a process of ours still sends into them), cancels all,
# cancels by id what still rests, and reads until a read no older than the last cancel shows nothing. Again and again, for so many seconds.
# 0: nothing rests. 1: something rests, or it couldn't be proven. 2: wrong use. 3: the venue gave no answer, or refused the key.
set -u -o pipefail
export LC_ALL=C

usage="usage: ${0##*/} --key-id-file FILE --key FILE [--subaccount N] [--url URL] [--seconds N] [--keep-groups]"
url="https://external-api.kalshi.com/trade-api/v2"
subaccount=0 seconds=60 key_id_file="" key="" keep_groups=""

refuse() { echo "${0##*/}: $1" >&2; exit 2; }
say() { echo "$1" >&2; }

while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --keep-groups) keep_groups=yes; shift; continue ;;
    --key-id-file | --key | --subaccount | --url | --seconds) [ $# -ge 2 ] || refuse "$1 needs a value ($usage)" ;;
    *) refuse "unknown argument: $1 ($usage)" ;;
  esac
  case "$1" in
    --key-id-file) key_id_file=$2 ;;
    --key) key=$2 ;;
    --subaccount) subaccount=$2 ;;
    --url) url=${2%/} ;;
    --seconds) seconds=$2 ;;
  esac
  shift 2
done

[ -n "$key_id_file" ] && [ -n "$key" ] || refuse "$usage"
[[ $subaccount =~ ^[0-9]{1,2}$ ]] && [ "$((10#$subaccount))" -le 63 ] || refuse "--subaccount $subaccount: must be 0 to 63"
[[ $seconds =~ ^[0-9]{1,4}$ ]] || refuse "--seconds $seconds: must be a whole number"
[[ $url =~ ^(https?://[^/[:space:]]+)(/[^[:space:]?#]*)$ ]] || refuse "--url $url: must be https://HOST/trade-api/v2"
root_path=${BASH_REMATCH[2]}
for file in "$key_id_file" "$key"; do
  [ -f "$file" ] && [ -r "$file" ] || refuse "$file: no such file, or not readable"
  # Better a warning than orders that rest.
  [ -z "$(find "$file" -perm /077 2>/dev/null)" ] || say "warning: $file can be read by others than its owner: chmod 600, and replace the key"
done
for tool in curl openssl; do command -v "$tool" >/dev/null || refuse "$tool: not installed"; done
key_id=$(tr -d ' \t\r\n' <"$key_id_file")
[[ $key_id =~ ^[A-Za-z0-9_-]+$ ]] || refuse "$key_id_file: not a key id"
if openssl pkey -in "$key" -noout -text -passin pass: 2>/dev/null | grep -q '^ED25519 Private-Key'; then
  kind=ed25519
elif openssl rsa -in "$key" -noout -passin pass: 2>/dev/null; then
  kind=rsa
else
  refuse "$key: not an unencrypted private key, RSA or Ed25519"
fi

folder=$(mktemp -d) || refuse "no temporary folder"
trap 'rm -rf "$folder"' EXIT

# Prints the signature of $1: RSA-PSS with SHA-256 and a salt as long as the digest, or Ed25519.
signature() {
  printf '%s' "$1" >"$folder/text"
  if [ $kind = ed25519 ]; then
    openssl pkeyutl -sign -inkey "$key" -rawin -in "$folder/text"
  else
    openssl dgst -sha256 -sign "$key" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha256 "$folder/text"
  fi 2>/dev/null | openssl base64 -A
}

# ask METHOD PATH QUERY: the answer's body is in $body, its status in $status (000: no answer), its Date, as 2026-11-23T14:47:09, in $date.
# The signature is of this moment, and of the path without its query. The headers come by standard input: others can see arguments.
ask() {
  local ms now
  now=$(date +%s%3N)
  [[ $now =~ ^[0-9]{13}$ ]] && ms=$now || ms=$(date +%s)000
  local data=()
  [ "$1" = GET ] || [ "$1" = DELETE ] || data=(--data '{}' --header 'Content-Type: application/json')
  status=$(printf 'header = "KALSHI-ACCESS-KEY: %s"\nheader = "KALSHI-ACCESS-TIMESTAMP: %s"\nheader = "KALSHI-ACCESS-SIGNATURE: %s"\n' \
    "$key_id" "$ms" "$(signature "$ms$1$root_path$2")" |
    curl --silent --config - --request "$1" ${data[@]+"${data[@]}"} --connect-timeout 3 --max-time 10 \
      --dump-header "$folder/headers" --output "$folder/body" --write-out '%{http_code}' "$url$2${3:+?$3}")
  [ -n "$status" ] || status=000
  body=$(cat "$folder/body" 2>/dev/null)
  date=$(stamp "$(tr -d '\r' <"$folder/headers" 2>/dev/null | sed -n 's/^[Dd][Aa][Tt][Ee]: *//p' | tail -n 1)")
  rm -f "$folder/headers" "$folder/body"
}

# "Mon, 23 Nov 2026 14:47:09 GMT" as 2026-11-23T14:47:09, which sorts.
stamp() {
  local months=JanFebMarAprMayJunJulAugSepOctNovDec before
  [[ $1 =~ ^[A-Z][a-z]{2},\ ([0-9]{2})\ ([A-Z][a-z]{2})\ ([0-9]{4})\ ([0-9:]{8})\ GMT$ ]] || return 0
  before=${months%%"${BASH_REMATCH[2]}"*}
  printf '%s-%02d-%sT%s' "${BASH_REMATCH[3]}" $((${#before} / 3 + 1)) "${BASH_REMATCH[1]}" "${BASH_REMATCH[4]}"
}

worked() { [[ $status =~ ^2 ]]; }
failed() { say "  $1: $([ "$status" = 000 ] && echo "no answer" || echo "status $status ${body:0:200}")"; }

# Prints the groups that still take orders.
open_groups() {
  tr -d ' \n' <<<"$body" | grep -o '{[^{}]*}' | grep '"is_auto_cancel_enabled":true' | sed -n 's/.*"id":"\([A-Za-z0-9_-]*\)".*/\1/p'
}

trigger_groups() {
  [ -z "$keep_groups" ] || return 0
  ask GET /portfolio/order_groups "subaccount=$subaccount"
  worked || { failed "reading the order groups"; return; }
  for group in $(open_groups); do
    ask PUT "/portfolio/order_groups/$group/trigger" "subaccount=$subaccount"
    worked && { heard=yes cancelled=$date; say "  order group $group triggered"; } || failed "triggering $group"
  done
}

cancel_all() {
  ask DELETE /portfolio/events/orders "subaccount=$subaccount"
  worked && { heard=yes cancelled=$date; say "  everything of subaccount $subaccount cancelled"; } || failed "cancel-all"
}

cancel_each() {
  for order in $resting; do
    ask DELETE "/portfolio/events/orders/$order" "subaccount=$subaccount"
    { worked || [ "$status" = 404 ]; } && { heard=yes cancelled=$date; say "  order $order cancelled"; } || failed "cancelling $order"
  done
}

# Sets $resting to the ids of what rests, $proven when the read is whole and as of a later second than the last cancel's.
look() {
  proven="" resting="" as_of=""
  ask GET /exchange/user_data_timestamp ""
  worked || { failed "reading the time of the venue's view"; return; }
  as_of=$(sed -n 's/.*"as_of_time" *: *"\([0-9T:-]\{19\}\)[^"]*".*/\1/p' <<<"$body")
  ask GET /portfolio/orders "status=resting&subaccount=$subaccount&limit=1000"
  worked || { failed "reading the orders"; return; }
  resting=$(grep -o '"order_id" *: *"[A-Za-z0-9_-]*"' <<<"$body" | sed 's/.*"\([^"]*\)"$/\1/' | sort -u)
  [[ $body =~ \"orders\" ]] || { say "  the orders can't be read: ${body:0:200}"; return; }
  [ -n "$cancelled" ] && [ -n "$as_of" ] && [[ $as_of > $cancelled ]] && proven=yes
}

end=$((SECONDS + 10#$seconds)) round=0 heard="" cancelled="" resting="" proven=""
while :; do
  round=$((round + 1))
  say "round $round"
  [ $round -gt 1 ] || trigger_groups
  cancel_all
  [ -z "$resting" ] || cancel_each
  for pause in 0.3 0.7 1 1 1; do
    sleep "$pause"
    look
    [ -z "$proven" ] || break
  done
  if [ -n "$proven" ] && [ -z "$resting" ]; then
    echo "nothing rests on subaccount $subaccount as of $as_of"
    exit 0
  fi
  [ -z "$resting" ] || say "  $(wc -w <<<"$resting" | tr -d ' ') orders rest"
  [ $SECONDS -lt $end ] || break
  [ $round -lt 3 ] || sleep 2
  [ $round -ne 3 ] || trigger_groups
done
[ -n "$heard" ] || { say "the venue took no cancel: see above"; exit 3; }
echo "NOT PROVEN: $(wc -w <<<"$resting" | tr -d ' ') orders rest on subaccount $subaccount by the last read"
exit 1
