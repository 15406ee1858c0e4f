#!/bin/sh
# notify.sh TITLE [< DETAILS]: an alert arrives in the conversation that somebody has in `smpkit chat` or in the page.
# Exit code 0: a server has it. Anything else: it has not yet; what was written to stderr says whether it is kept.
set -eu
umask 077

title=${1:?notify.sh TITLE [< DETAILS]}
dir=${NOTIFY_DIR:-$HOME/.smpkit-notify}   # the sender's own folder: one process at a time uses it
link=$dir/invitation                      # put the person's invitation here once
smpkit=${SMPKIT:-smpkit}

mkdir -p "$dir"
if [ ! -f "$dir/passphrase" ]; then
  head -c 24 /dev/urandom | base64 > "$dir/passphrase.new"
  mv "$dir/passphrase.new" "$dir/passphrase"
fi

set -- --dir "$dir/agent" --passphrase-file "$dir/passphrase" --message -
if [ -f "$link" ]; then set -- "$@" --link-file "$link"; fi

# By stdin, so that the text is not among the arguments that other users see.
{
  printf '%s: %s\n' "$(uname -n)" "$title"
  if [ ! -t 0 ]; then tail -c 4000; fi
} | $smpkit chat "$@"

rm -f "$link" # an invitation works once; from now on the folder has the connection
