# What every expression over a package set starts from. Uses builtins only, so a package set needs no `lib`.
#
# source  path of the package set
# system  the platform of its packages
# allow   { unfree; broken; insecure; unsupportedSystem; }: what of that kind is not refused
{
  source,
  system,
  allow,
}:
let
  inherit (builtins)
    deepSeq
    filter
    functionArgs
    head
    intersectAttrs
    isAttrs
    isFunction
    isList
    isString
    tryEval
    typeOf
    ;

  config = {
    allowUnfree = allow.unfree;
    allowBroken = allow.broken;
    allowUnsupportedSystem = allow.unsupportedSystem;
  }
  // (if allow.insecure then { allowInsecurePredicate = _: true; } else { });

  loaded = import source;
  applied =
    if isFunction loaded then
      loaded (
        intersectAttrs (functionArgs loaded) {
          inherit system config;
          overlays = [ ];
        }
      )
    else
      loaded;
in
rec {
  packages =
    if isAttrs applied then
      applied
    else
      throw "the package set is a ${typeOf applied}, not a set of packages";

  # `value`, or `default` where evaluating it fails.
  orElse =
    default: value:
    let
      tried = tryEval (deepSeq value value);
    in
    if tried.success then tried.value else default;

  isDerivation = value: isAttrs value && (value.type or null) == "derivation";

  # The licences in a package's `meta`: SPDX identifiers where it has them.
  licences =
    meta:
    let
      licence = meta.license or [ ];
      names = l: if isString l then [ l ] else [ (l.spdxId or null) (l.shortName or null) (l.fullName or null) ];
    in
    map (l: head (filter isString (names l ++ [ "unnamed licence" ]))) (
      if isList licence then licence else [ licence ]
    );

  # Why a package of this `meta` is not given; null if it is.
  refusal =
    meta:
    let
      raised = flag: orElse false (meta.${flag} or false);
    in
    if raised "unfree" && !allow.unfree then
      "unfree"
    else if raised "broken" && !allow.broken then
      "broken"
    else if raised "insecure" && !allow.insecure then
      "insecure"
    else if raised "unsupported" && !allow.unsupportedSystem then
      "unsupported-system"
    else
      null;
}
