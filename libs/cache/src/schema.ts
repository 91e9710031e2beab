/** Raised whenever the tables or the stored records change shape: a file with another number is set aside. */
export const SCHEMA_VERSION = 3;

/**
 * `used` is a logical clock, not a time: it orders entries by last use, and no change of the system's clock disturbs it.
 * `manifest_blobs` finds images by any of their blobs; `role` as in `BlobRole`. A tag's `key` is for messages only.
 */
export const SCHEMA = `
  CREATE TABLE manifests (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    reference TEXT NOT NULL,
    stored_at INTEGER NOT NULL,
    used INTEGER NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX manifests_used ON manifests (used);
  CREATE INDEX manifests_listed ON manifests (name, reference, key);

  CREATE TABLE manifest_blobs (
    digest BLOB NOT NULL,
    role TEXT NOT NULL,
    manifest INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    PRIMARY KEY (digest, role, manifest)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX manifest_blobs_manifest ON manifest_blobs (manifest);

  CREATE TABLE layers (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL,
    used INTEGER NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX layers_used ON layers (used);
  CREATE INDEX layers_digest ON layers (digest);

  CREATE TABLE tags (
    id INTEGER PRIMARY KEY,
    key TEXT AS (name || ':' || tag) VIRTUAL,
    name TEXT NOT NULL,
    tag TEXT NOT NULL,
    used INTEGER NOT NULL,
    UNIQUE (name, tag)
  ) STRICT;
  CREATE INDEX tags_used ON tags (used);
  CREATE INDEX tags_used_of ON tags (name, used);

  PRAGMA user_version = ${SCHEMA_VERSION};
`;
