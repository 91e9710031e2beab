/** Raised whenever the tables or the stored records change shape: a file with another number is set aside. */
export const SCHEMA_VERSION = 2;

/**
 * `used` is a logical clock, not a time: it orders entries by last use, and no change of the system's clock disturbs it.
 * `manifest_blobs` finds images by any of their blobs; `role` as in `BlobRole`.
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

  PRAGMA user_version = ${SCHEMA_VERSION};
`;
