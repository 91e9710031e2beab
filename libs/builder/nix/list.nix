# Tells what the attributes of a package set are, for an index of it: packages with what describes them, and sets with the
# names in them. Asks no package for its derivation, which would cost a hundred times as much.
#
# source   path of the package set
# request  { system; allow = { unfree; broken; insecure; unsupportedSystem; }; paths = [ [ ] [ "git" ] … ]; sets = [ … ]; }
#          An empty path is the package set itself. `sets` are opened though they do not say `recurseForDerivations`.
{ source, request }:
let
  inherit (builtins)
    attrNames
    elem
    filter
    foldl'
    isAttrs
    isString
    length
    parseDrvName
    seq
    stringLength
    tryEval
    unsafeDiscardStringContext
    ;
  inherit (request) system allow paths sets;
  inherit (import ./packages.nix { inherit source system allow; })
    isDerivation
    licences
    orElse
    packages
    refusal
    ;

  # A whole text or none: half of a character is no text to some versions of Nix.
  maxBytes = 4096;
  isText = value: isString value && stringLength value <= maxBytes;
  text = value: orElse "" (if isText value then unsafeDiscardStringContext value else "");

  opens =
    path: value:
    path == [ ]
    || length path == 1 && (orElse false (value.recurseForDerivations or false) == true || elem (builtins.head path) sets);

  describe =
    package:
    let
      facts = package.meta or { };
      full = parseDrvName (text (package.name or ""));
    in
    {
      status = "package";
      name = text (package.pname or full.name);
      version = text (package.version or full.version);
      description = text (facts.description or "");
      licences = map text (orElse [ ] (filter isText (licences facts)));
      mainProgram = text (facts.mainProgram or "");
      reason = orElse null (refusal facts);
    };

  answer =
    path:
    let
      found = tryEval (foldl' (value: part: value.${part}) packages path);
      inherit (found) value;
    in
    if !found.success then
      { status = "throws"; }
    else if orElse false (isDerivation value) then
      describe value
    else if isAttrs value && opens path value then
      {
        status = "set";
        names = attrNames value;
      }
    else
      { status = "other"; };
in
# A set that fails is no fault of its attributes.
seq packages (map answer paths)
