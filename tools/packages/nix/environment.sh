# Makes a package as nixpkgs has it from units: links to programs, or wrappers where a program needs to be told where
# its files are. Variables: main (pairs "unit deb"), closure (units, the package's own first), path (units appended to
# PATH), links, unions ("name TAB pattern" lines), environment ("NAME TAB value"), arguments (lines), shell (unit), out.
set -o pipefail
umask 022
tab=$(printf '\t')

main() {
  mkdir -p "$out/bin" "$out/nix-support"
  printf '%s\n' $closure >"$out/nix-support/debian-depends"
  make_unions
  prelude >prelude
  arguments >arguments
  set -- $main
  while [ $# -ge 2 ]; do
    while read -r program; do offer "$1/$program" "${program##*/}"; done <"$1/nix-support/programs/$2"
    shift 2
  done
  each "$links" make_link
  rmdir "$out/bin" 2>/dev/null || true
  true
}

# Calls $2 with both halves of each line of $1.
each() {
  [ -n "$1" ] || return 0
  printf '%s\n' "$1" >lines
  while IFS=$tab read -r left right; do "$2" "$left" "$right"; done <lines
}

# Expands one level of {a,b}, and then the shell pattern $1 in each unit of the closure; prints what exists.
search() {
  case $1 in
    *{*,*}*)
      rest=${1#*\{}
      alternatives=${rest%%\}*}
      for alternative in $(echo "$alternatives" | tr , ' '); do search "${1%%\{*}$alternative${rest#*\}}"; done
      return
      ;;
  esac
  for unit in $closure; do
    for path in "$unit"/$1; do [ ! -e "$path" ] || echo "$path"; done
  done
}

# The value of a variable or argument: a literal after `=`, a path of this package after `@`, or a path in the closure.
value() {
  case $1 in
    =*) echo "${1#=}" ;;
    @*) echo "$out/${1#@}" ;;
    *) found "$1" ;;
  esac
}

found() {
  search "$1" >found
  if ! read -r path <found; then
    echo "nothing in the closure matches $1" >&2
    return 1
  fi
  echo "$path"
}

make_link() {
  target=$(found "$2")
  mkdir -p "$out/$(dirname "$1")"
  case $1 in
    bin/*) offer "$target" "${1#bin/}" ;;
    *) ln -sfn "$target" "$out/$1" ;;
  esac
}

make_unions() {
  each "$unions" make_union
}

# One real directory of links to files: programs that ask for their prefix get all of their closure's files there.
make_union() {
  mkdir -p "$out/$1"
  for directory in $(search "$2"); do
    (cd "$directory" && find . -type d) | while read -r path; do mkdir -p "$out/$1/$path"; done
    (cd "$directory" && find . ! -type d) | while read -r path; do
      [ -e "$out/$1/$path" ] || [ -L "$out/$1/$path" ] || ln -s "$directory/${path#./}" "$out/$1/$path"
    done
  done
}

# What every wrapper of this package begins with.
prelude() {
  each "$environment" set_variable
  [ -z "$path" ] || append_path $path
}

set_variable() {
  printf 'export %s="${%s-%s}"\n' "$1" "$1" "$(value "$2")"
}

append_path() {
  joined=
  for unit in "$@"; do [ ! -d "$unit/usr/bin" ] || joined=$joined:$unit/usr/bin; done
  [ -z "$joined" ] || printf 'export PATH="${PATH:+$PATH:}%s"\n' "$out/bin$joined"
}

arguments() {
  [ -z "$arguments" ] || printf '%s\n' "$arguments" | while read -r argument; do printf ' %s' "$(value "$argument")"; done
}

# Puts the program $1 into the package's bin as $2.
offer() {
  [ -e "$1" ] && [ ! -e "$out/bin/$2" ] || return 0
  wrapper=$(cat prelude)
  case $(interpreter "$1") in
    */perl) wrapper="$wrapper
$(perl_library)" ;;
  esac
  if [ -z "$wrapper" ] && [ ! -s arguments ]; then
    ln -s "$1" "$out/bin/$2"
    return
  fi
  {
    echo "#!$shell/usr/bin/dash"
    [ -z "$wrapper" ] || printf '%s\n' "$wrapper" | sed '/^$/d'
    printf 'exec %s%s "$@"\n' "$1" "$(cat arguments)"
  } >"$out/bin/$2"
  chmod +x "$out/bin/$2"
}

interpreter() {
  [ "$(head -c 2 "$1")" = '#!' ] || return 0
  read -r first _ <"$1"
  echo "${first#??}"
}

# Debian's perl looks for modules in directories of /usr only.
perl_library() {
  joined=
  for pattern in 'usr/lib/*/perl5/5.*' usr/share/perl5 'usr/lib/*/perl/5.*' 'usr/share/perl/5.*' 'usr/lib/*/perl-base'; do
    for directory in $(search "$pattern"); do [ -L "$directory" ] || joined=$joined:$directory; done
  done
  printf 'export PERL5LIB="${PERL5LIB:+$PERL5LIB:}%s"\n' "${joined#:}"
}

main
