# A union of parts of the closure that images do not show at their root. Variables: unions, files, closure, common, out.
. "$common"

mkdir "$out"
each "$unions" make_union
each "$files" copy_file
for dir in bin lib lib64; do [ ! -d "$out/usr/$dir" ] || ln -s "usr/$dir" "$out/$dir"; done
# The linker resolves the paths in its scripts below the prefix only if the scripts themselves lie there.
find "$out" \( -name '*.so' -o -name '*.a' \) -type l | while read -r link; do
  [ "$(head -c 16 "$link")" = '/* GNU ld script' ] || continue
  cat "$link" >copy
  mv -f copy "$link"
done
true
