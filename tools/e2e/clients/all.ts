import { Buildah } from './buildah.ts';
import type { Client } from './client.ts';
import { Containerd } from './containerd.ts';
import { Docker } from './docker.ts';
import { Podman } from './podman.ts';
import { Skopeo } from './skopeo.ts';

/** Every client the registry is tried with; each new, not started. */
export function allClients(): Client[] {
  return [new Skopeo(), new Podman(), new Buildah(), new Docker(), new Containerd()];
}
