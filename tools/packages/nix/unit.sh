# Turns the .debs of one unit into a store path: $out/usr, $out/etc, ...; /bin, /sbin and /lib are merged into /usr.
# Run by busybox's shell, whose applets need no PATH. Variables: debs, names, depends, fallbacks, tools, loader, out.
set -o pipefail
umask 022

main() {
  mkdir "$out" "$out/nix-support" "$out/nix-support/programs"
  cd "$out"
  set -- $names
  for deb in $debs; do
    unpack "$deb" "$1"
    shift
  done
  merge_usr
  drop_documents
  printf '%s\n' $depends >nix-support/debian-depends
  relink
  if [ -n "$tools" ]; then
    list_libraries >nix-support/libraries
    candidates -exec grep -lF "$(printf '\177ELF')" {} + | while read -r file; do patch_elf "$file"; done
    candidates -perm -100 -exec grep -l -m 1 '^#!' {} + | while read -r file; do patch_script "$file"; done
  fi
  # Nix 2.8 now and then kills a builder whose last act is another program: end with a built-in.
  true
}

unpack() {
  member=$(ar t "$1" | grep '^data\.tar')
  case $member in
    *.xz) decompress=xzcat ;;
    *.gz) decompress=zcat ;;
    *.bz2) decompress=bzcat ;;
    *.tar) decompress=cat ;;
    *)
      echo "$1: busybox cannot unpack $member" >&2
      exit 1
      ;;
  esac
  # A builder may not set setuid and setgid bits, hence --no-same-permissions.
  ar p "$1" "$member" | $decompress | tar -xvo --no-same-permissions |
    sed -nE 's,^\./(usr/)?((s?bin|games)/[^/]+)$,usr/\2,p' >"nix-support/programs/$2"
}

merge_usr() {
  for dir in bin sbin lib lib32 lib64 libx32; do
    if [ -d "$dir" ] && [ ! -L "$dir" ]; then
      mkdir -p "usr/$dir"
      cp -a "$dir/." "usr/$dir/"
      rm -rf "$dir"
    fi
    [ ! -d "usr/$dir" ] || ln -s "usr/$dir" "$dir"
  done
}

drop_documents() {
  for dir in bug doc-base info lintian man menu; do rm -rf "usr/share/$dir"; done
  [ -d usr/share/doc ] || return 0
  # A package may share the directory of another, by a link.
  find usr/share/doc ! -type d ! -name copyright ! \( -type l ! -path 'usr/share/doc/*/*' \) -exec rm {} +
  find usr/share/doc -depth -type d -empty -exec rmdir {} \;
}

# Files that may be programs or libraries.
candidates() {
  find usr etc opt -type f \( -perm -100 -o -name '*.so' -o -name '*.so.*' -o -name '*.node' \) "$@" 2>/dev/null || true
}

# Links that lead out of this unit are pointed at the dependency that has their target.
relink() {
  find . -type l | sed 's,^\.,,' | while read -r link; do
    target=$(readlink ".$link")
    case $target in
      /nix/store/*) continue ;;
      /*) ;;
      *)
        [ ! -e ".$link" ] || continue
        target=${link%/*}/$target
        ;;
    esac
    target=$(echo "$target" | normalise)
    found=$(provider "$target") || continue
    ln -sfn "$found$target" ".$link"
  done
}

# Resolves `.` and `..` without looking at the disk.
normalise() {
  awk -F/ '{
    depth = 0
    for (i = 1; i <= NF; i++) {
      if ($i == "" || $i == ".") continue
      if ($i == "..") { if (depth > 0) depth--; continue }
      part[++depth] = $i
    }
    path = ""
    for (i = 1; i <= depth; i++) path = path "/" part[i]
    print path
  }'
}

# The first of this unit, its dependencies and the interpreters that has the path $1.
provider() {
  for root in $out $depends $fallbacks; do
    if [ -e "$root$1" ]; then
      echo "$root"
      return
    fi
  done
  return 1
}

# "file-name directory" of every shared library: those in the usual directories first, so that variants for newer
# processors (glibc-hwcaps) and plug-ins of the same name do not win.
list_libraries() {
  {
    find usr/lib/*-linux-gnu -maxdepth 1 ! -type d | sort || true
    find usr/lib -maxdepth 1 ! -type d | sort || true
    find usr opt -mindepth 3 ! -type d ! -path '*/glibc-hwcaps/*' | sort || true
  } 2>/dev/null | awk -F/ -v out="$out" '
    $NF ~ /^(lib|ld-).*\.so/ && !seen[$NF]++ { dir = $0; sub("/[^/]*$", "", dir); print $NF, out "/" dir }
  '
}

# Interpreter and run path of $1 become store paths. The loader itself needs neither.
patch_elf() {
  file=$1
  case $file in */ld-linux-*.so.* | */ld-2.*.so) return ;; esac
  needed=$(patchelf --print-needed "$file" 2>/dev/null) || return 0
  set --
  if [ -n "$(patchelf --print-interpreter "$file" 2>/dev/null)" ]; then
    root=$(provider "/usr/lib/$loader")
    set -- --set-interpreter "$root/usr/lib/$loader"
  fi
  runpath=$(
    libraries=nix-support/libraries
    for dependency in $depends; do libraries="$libraries $dependency/nix-support/libraries"; done
    echo "$needed" | awk '
      FILENAME != "-" { if (!($1 in directory)) directory[$1] = $2; next }
      ($1 in directory) && !seen[directory[$1]]++ { path = path (path == "" ? "" : ":") directory[$1] }
      END { print path }' $libraries -
  )
  case $runpath in ?*) set -- "$@" --set-rpath "$runpath" ;; esac
  [ $# -eq 0 ] || patchelf "$@" "$file"
}

patchelf() {
  lib=$tools/usr/lib/$toolsTriplet
  "$tools/usr/lib/$toolsLoader" --library-path "$lib" "$tools/usr/bin/patchelf" "$@"
}

# The interpreter of a script becomes a store path, also where it was to be found by /usr/bin/env.
patch_script() {
  [ "$(head -c 2 "$1")" = '#!' ] || return 0
  read -r line <"$1" || true
  set -f
  set -- "$1" $(echo "${line#??}" | tr -d '\r')
  set +f
  file=$1 interpreter=${2-}
  [ $# -lt 2 ] || shift 2
  case $interpreter in
    */env)
      [ "${1-}" != -S ] || shift
      interpreter=/usr/bin/${1-}
      [ $# -eq 0 ] || shift
      ;;
  esac
  for dir in /usr/bin /usr/sbin; do
    root=$(provider "$dir/${interpreter##*/}") || continue
    sed -i "1s|.*|#!$root$dir/${interpreter##*/}${1+ $*}|" "$file"
    return
  done
}

main
