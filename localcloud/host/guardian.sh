#!/bin/sh
# Run a command that can't outlive its parent, even where the parent is killed with SIGKILL.
#
# Descriptor 3 is a socket pair whose other end only the parent holds: it reads as ended when the
# parent is gone. The command keeps this process's id (exec), so the parent may signal it. Before
# it kills, the guardian compares the start time: the id could belong to another process by then.

born() {
  if [ -r "/proc/$1/stat" ]; then
    sed 's/^.*) //' "/proc/$1/stat" | cut -d ' ' -f 20
  else
    ps -o lstart= -p "$1"
  fi
}

ward=$$
ward_born=$(born "$ward")

(
  exec </dev/null >/dev/null 2>&1
  while read -r _ <&3; do :; done
  if [ "$(born "$ward")" = "$ward_born" ]; then kill -KILL "$ward"; fi
) &

exec "$@"
