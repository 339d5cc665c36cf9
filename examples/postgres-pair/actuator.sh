#!/bin/bash
# Starts and kills the servers of this folder for their watchdog: actuator.sh VERB NODE [OTHER].
# Exit status 0 means done. For a fence that is the proof: nothing of the node runs any more.
set -eu
. "$(dirname "$0")/servers.sh"
verb=$1 node=$2 other=${3:-}

fence() {
  killed=$(processes_of "$node" | tr '\n' ' ')
  for _ in $(seq 1000); do
    left=$(processes_of "$node")
    if [ -z "$left" ]; then break; fi
    kill -9 $left 2>/dev/null || true
    sleep 0.005
  done
  if [ -n "$(processes_of "$node")" ]; then
    echo "processes of $node do not die: $(processes_of "$node")" >&2
    exit 1
  fi
  rm -f "$here/$node/postmaster.pid"
  # Whoever starts it by hand now gets a standby that follows nobody.
  : >"$here/$node.follow.conf"
  touch "$here/$node/standby.signal"
  owned "$here/$node/standby.signal"
}

clone() {
  mkdir -p "$here/$node"
  rm -rf "$here/$node.diverged"
  mv "$here/$node" "$here/$node.diverged"
  mkdir -m 700 "$here/$node"
  owned "$here/$node"
  as_owner pg_basebackup -D "$here/$node" -X stream -c fast \
    -d "host=127.0.0.1 port=$(port_of "$other") user=standfast" >&2 ||
    { rm -rf "$here/$node"; mv "$here/$node.diverged" "$here/$node"; exit 1; }
}

case $verb in
fence)
  fence
  echo "{\"answer\":\"fenced\",\"evidence\":\"no process works in $node any more; killed: $killed\"}"
  ;;
start)
  if [ -n "$other" ]; then follow "$node" "$other"; fi
  if [ -n "$(processes_of "$node")" ]; then
    as_owner pg_ctl -D "$here/$node" -s reload
  else
    launch "$node"
  fi
  ;;
restart)
  fence
  rm -f "$here/$node/standby.signal"
  launch "$node"
  ;;
rejoin)
  source="host=127.0.0.1 port=$(port_of "$other") user=standfast dbname=postgres"
  how=rewound
  psql -q "$source" -c CHECKPOINT >&2
  # Its crash recovery, which pg_rewind lets run first, cannot be a standby's.
  rm -f "$here/$node/standby.signal"
  as_owner pg_rewind -D "$here/$node" --source-server="$source" >&2 || { how=cloned; clone; }
  follow "$node" "$other"
  launch "$node"
  echo "{\"answer\":\"rejoined\",\"how\":\"$how\"}"
  ;;
*)
  echo "usage: actuator.sh fence|start|restart|rejoin NODE [OTHER]" >&2
  exit 2
  ;;
esac
