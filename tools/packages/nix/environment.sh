# Makes a package as nixpkgs has it from units: links to programs, or wrappers where a program needs to be told where
# its files are. Variables: main (pairs "unit deb"), programs (patterns instead), closure, path (units appended to PATH),
# links, unions ("name TAB pattern" lines), files ("name TAB store path" lines), environment ("NAME TAB template"),
# arguments (templates), tree and locale (store paths, if any), shell (unit), common, out.
. "$common"

main() {
  mkdir -p "$out/bin" "$out/nix-support"
  printf '%s\n' $closure >"$out/nix-support/debian-depends"
  each "$unions" make_union
  each "$files" copy_file
  if [ -n "$locale" ]; then
    mkdir -p "$out/usr/lib/locale"
    ln -s "$locale"/usr/lib/locale/* "$out/usr/lib/locale/"
  fi
  prelude >prelude
  command_line >arguments
  if [ -n "$programs" ]; then
    for pattern in $(set -f && echo $programs); do
      for program in $(search "$pattern"); do offer "$program" "${program##*/}"; done
    done
  else
    set -- $main
    while [ $# -ge 2 ]; do
      while read -r program; do offer "$1/$program" "${program##*/}"; done <"$1/nix-support/programs/$2"
      shift 2
    done
  fi
  each "$links" make_link
  rmdir "$out/bin" 2>/dev/null || true
  true
}

# Replaces <usr/pattern> by what it matches in the closure, <tree/pattern> by what it matches in the tree, and <out>.
value() {
  text=$1
  while :; do
    case $text in
      *'<'*'>'*) ;;
      *) break ;;
    esac
    rest=${text#*<}
    case ${rest%%>*} in
      out) place=$out ;;
      tree) place=$tree ;;
      tree/*) place=$(closure=$tree found "$(echo "${rest%%>*}" | sed 's,^tree/,,')") ;;
      *) place=$(found "${rest%%>*}") ;;
    esac
    text=${text%%<*}$place${rest#*>}
  done
  printf '%s\n' "$text"
}

# Programs of the package's own get wrappers as all of its programs do; another package's (git's /bin/sh) stays as it is.
make_link() {
  target=$(found "$2")
  mkdir -p "$out/$(dirname "$1")"
  case $1:$(owned "$target") in
    bin/*:own) offer "$target" "${1#bin/}" ;;
    *) ln -sfn "$target" "$out/$1" ;;
  esac
}

owned() {
  for unit in $main; do
    case $1 in "$unit"/*) echo own && return ;; esac
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

command_line() {
  each "$arguments" add_argument
}

add_argument() {
  printf " '%s'" "$(value "$1")"
}

# Puts the program $1 into the package's bin as $2.
offer() {
  [ -f "$1" ] && [ ! -e "$out/bin/$2" ] || return 0
  wrapper=$(cat prelude)
  case $(interpreter "$1"):$2 in
    */perl:* | :perl | :perl5*) wrapper="$wrapper
$(perl_library)" ;;
  esac
  command=$(command_of "$1")
  if [ "$wrapper$command" = "$1" ] && [ ! -s arguments ]; then
    ln -s "$1" "$out/bin/$2"
    return
  fi
  {
    echo "#!$shell/usr/bin/dash"
    printf '%s\n' "$wrapper" | sed '/^$/d'
    printf 'exec %s%s "$@"\n' "$command" "$(cat arguments)"
  } >"$out/bin/$2"
  chmod +x "$out/bin/$2"
}

# What starts the program $1: the tree's instead, or the tree's interpreter.
command_of() {
  in_tree "$1" && return
  interpreter=$(in_tree "$(interpreter "$1")") && interpreter="$interpreter "
  echo "$interpreter$1"
}

# The tree's program for $1: of its name, or of that of the file that it is a link to.
in_tree() {
  [ -n "$tree" ] && [ -n "$1" ] || return 1
  for program in "$1" $(readlink -f "$1"); do
    program=$tree/usr/bin/${program##*/}
    [ ! -f "$program" ] || { echo "$program" && return; }
  done
  return 1
}

interpreter() {
  [ "$(head -c 2 "$1")" = '#!' ] || return 0
  read -r first _ <"$1"
  echo "${first#??}"
}

# Debian's perl looks for modules in directories of /usr only. The last directory is where packages of perlPackages
# have theirs in an image.
perl_library() {
  joined=
  for pattern in 'usr/lib/*/perl5/5.*' usr/share/perl5 'usr/lib/*/perl/5.*' 'usr/share/perl/5.*' 'usr/lib/*/perl-base'; do
    for directory in $(search "$pattern"); do [ -L "$directory" ] || joined=$joined$directory:; done
  done
  printf 'export PERL5LIB="${PERL5LIB:+$PERL5LIB:}%s"\n' "$joined/lib/perl5"
}

main
