# What environment.sh and tree.sh share. Variables: closure (units, the package's own first), out.
set -o pipefail
umask 022
tab=$(printf '\t')

# Calls $2 with both halves of each line of $1.
each() {
  [ -n "$1" ] || return 0
  printf '%s\n' "$1" >"lines.$2"
  while IFS=$tab read -r left right; do "$2" "$left" "$right"; done <"lines.$2"
}

# Expands one level of {a,b}, and then the shell pattern $1 in each unit of the closure; prints what exists.
search() {
  case $1 in
    *{*,*}*)
      rest=${1#*\{}
      set -f
      for alternative in $(echo "${rest%%\}*}" | tr , ' '); do
        set +f
        search "${1%%\{*}$alternative${rest#*\}}"
      done
      set +f
      return
      ;;
  esac
  for unit in $closure; do
    for path in "$unit"/$1; do [ ! -e "$path" ] || echo "$path"; done
  done
}

# The first that `search` finds.
found() {
  search "$1" >found
  if ! read -r path <found; then
    echo "nothing in the closure matches $1" >&2
    return 1
  fi
  echo "$path"
}

# One directory of links to the files of all directories that match $2: programs that ask for their prefix get the whole
# closure's files there. Of files of one name the first is kept, so the last are linked first. What is a file itself is
# copied: programs that look for their prefix follow links first.
make_union() {
  search "$2" | tac | while read -r directory; do
    case $1 in
      */) into=$out/$1${directory##*/} ;;
      *) into=$out/$1 ;;
    esac
    if [ -f "$directory" ]; then
      mkdir -p "${into%/*}"
      cp "$directory" "$into"
      continue
    fi
    mkdir -p "$into"
    # cp would make directories as read-only as those of the store are, before it is done with them.
    (cd "$directory" && find . -type d -print0) | (cd "$into" && xargs -0 mkdir -p)
    cp -Rsf "$directory/." "$into/"
  done
}

copy_file() {
  mkdir -p "$out/$(dirname "$1")"
  cp "$2" "$out/$1"
}
