# Looks packages up in any attribute set of derivations, nixpkgs included, and answers data: for each name either what is
# needed to build it, or why it cannot be.
#
# source   path of the package set
# request  { system; allow = { unfree; broken; insecure; unsupportedSystem; }; names = [ "git" … ]; strict; }
#          With `strict`, failures of a package's own expression are not caught: Nix then prints their text, which tryEval
#          would lose.
{ source, request }:
let
  inherit (builtins)
    attrNames
    deepSeq
    filter
    groupBy
    head
    isAttrs
    isString
    length
    match
    replaceStrings
    seq
    split
    tail
    tryEval
    typeOf
    unsafeDiscardStringContext
    ;
  inherit (request) allow strict;
  inherit
    (import ./packages.nix {
      inherit source;
      inherit (request) system allow;
    })
    isDerivation
    licences
    orElse
    packages
    refusal
    ;

  letters = text: filter (part: isString part && part != "") (split "" text);
  toLower = replaceStrings (letters "ABCDEFGHIJKLMNOPQRSTUVWXYZ") (letters "abcdefghijklmnopqrstuvwxyz");

  # Image names are lower-case and may begin with a digit; attributes need not be the one and cannot be the other.
  index = groupBy toLower;
  topIndex = index (attrNames packages);
  spellings =
    level: part: isTop:
    let
      known = if isTop then topIndex else index (attrNames level);
    in
    (known.${part} or [ ]) ++ (if match "[0-9].*" part == null then [ ] else known."_${part}" or [ ]);

  attempt =
    value:
    if strict then
      {
        success = true;
        inherit value;
      }
    else
      tryEval value;

  found = path: value: { inherit path value; };

  # path: attributes gone through so far. A problem ends the descent.
  descend =
    path: value: parts:
    if parts == [ ] then
      found path value
    else
      let
        forced = attempt value;
        part = head parts;
        candidates =
          if forced.value ? ${part} then [ part ] else spellings forced.value part (path == [ ]);
        attribute = head candidates;
      in
      if !forced.success then
        { status = "throws"; }
      else if !isAttrs forced.value then
        {
          status = "not-a-package";
          type = typeOf forced.value;
          inherit path;
          names = [ ];
        }
      else if candidates == [ ] then
        {
          status = "not-found";
          inherit path part;
          names = attrNames forced.value;
        }
      else if length candidates > 1 then
        {
          status = "ambiguous";
          inherit path;
          names = candidates;
        }
      else
        descend (path ++ [ attribute ]) forced.value.${attribute} (tail parts);

  # The flags are asked first: forcing the derivation of a refused package throws, and a throw has no reason to read.
  describe =
    path: package:
    let
      facts = package.meta or { };
      reason = refusal facts;
      derivation = attempt (
        let
          drvPath = unsafeDiscardStringContext package.drvPath;
          # Not "outPath": a set that has one becomes a mere string in JSON.
          storePath = unsafeDiscardStringContext package.outPath;
        in
        deepSeq [ drvPath storePath ] { inherit drvPath storePath; }
      );
    in
    if reason != null then
      {
        status = "refused";
        inherit reason;
        details =
          if reason == "unfree" then
            orElse [ ] (licences facts)
          else if reason == "insecure" then
            orElse [ ] (facts.knownVulnerabilities or [ ])
          else
            [ ];
      }
    else if !derivation.success then
      { status = "throws"; }
    else
      {
        status = "ok";
        attribute = path;
        name = orElse "" (package.pname or package.name or "");
        version = orElse "" (package.version or "");
        output = orElse "out" (package.outputName or "out");
        licences = orElse [ ] (licences facts);
        mainProgram = orElse null (facts.mainProgram or null);
      }
      // derivation.value;

  parts = name: filter isString (split "\\." name);

  lookUp =
    name:
    let
      result = descend [ ] packages (parts name);
      value = attempt result.value;
    in
    if result ? status then
      result
    else if !value.success then
      { status = "throws"; }
    else if !isDerivation value.value then
      {
        status = "not-a-package";
        type = typeOf value.value;
        inherit (result) path;
        names = if isAttrs value.value then attrNames value.value else [ ];
      }
    else
      describe result.path value.value;
in
# A set that fails is no fault of the names.
seq packages (map lookUp request.names)
