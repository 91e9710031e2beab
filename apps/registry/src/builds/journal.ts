import type { BuildEvent } from '@nixery/builder';

import { FollowedBuild } from './followed-build.ts';
import { type BuildView, isOver, type LogPart } from './view.ts';

/** Ended builds that are remembered; each holds at most some 130 KiB of log. */
const MAX_ENDED = 200;

/** Builds that run and that ended of late, for people who look: `/builds`. A restart forgets them. */
export class BuildJournal {
  /** The oldest first. */
  readonly #builds = new Map<string, FollowedBuild>();
  readonly #followers = new Map<string, Set<() => void>>();

  note(event: BuildEvent): void {
    switch (event.type) {
      case 'started':
        this.#builds.set(event.build.id, new FollowedBuild(event.build));
        break;
      case 'stage':
        this.#of(event)?.begin(event.stage);
        break;
      case 'queue':
        this.#of(event)?.queue(event.isQueued);
        break;
      case 'nix':
        noteNix(this.#of(event), event.event);
        break;
      case 'collision':
        this.#of(event)?.log.add(`${event.path}: kept that of ${event.kept}`);
        break;
      case 'more-collisions':
        this.#of(event)?.log.add(`… and ${event.count} more`);
        break;
      case 'planned':
        this.#of(event)?.plan(event.layers);
        break;
      case 'packed':
        this.#of(event)?.packed(event.key, event.bytes);
        break;
      case 'layer':
        this.#of(event)?.stored(event.key, event.origin, event.record.size);
        break;
      case 'done':
        this.#of(event)?.finish(event.record);
        this.#forgetOldest();
        break;
      case 'failed':
        this.#of(event)?.fail(event.error);
        this.#forgetOldest();
        break;
      default:
        return;
    }
    for (const follower of this.#followers.get(event.build.id) ?? []) follower();
  }

  /** All that is remembered, the newest first. */
  list(): readonly BuildView[] {
    return [...this.newest()];
  }

  /** The same, for who does not want all of it. */
  *newest(): Generator<BuildView, void> {
    for (const build of [...this.#builds.values()].toReversed()) yield build.view();
  }

  /** Those of one image, whatever its tag and platform. */
  listOf(name: string): readonly BuildView[] {
    const builds = [...this.#builds.values()].filter((build) => build.name === name);
    return builds.toReversed().map((build) => build.view());
  }

  get(id: string): BuildView | undefined {
    return this.#builds.get(id)?.view();
  }

  /** Lines of a build's log from number `from` on. */
  log(id: string, from = 0): LogPart {
    return this.#builds.get(id)?.linesSince(from) ?? { first: from, lines: [] };
  }

  /**
   * Tells of every change of a build.
   *
   * @returns ends that
   */
  follow(id: string, follower: () => void): () => void {
    const followers = this.#followers.get(id) ?? new Set();
    this.#followers.set(id, followers.add(follower));
    return () => {
      followers.delete(follower);
      if (followers.size === 0) this.#followers.delete(id);
    };
  }

  #of({ build }: { readonly build: { readonly id: string } }): FollowedBuild | undefined {
    return this.#builds.get(build.id);
  }

  #forgetOldest(): void {
    const ended = [...this.#builds.values()].filter(isOver);
    for (const { id } of ended.slice(0, Math.max(0, ended.length - MAX_ENDED))) {
      this.#builds.delete(id);
    }
  }
}

function noteNix(
  build: FollowedBuild | undefined,
  event: Extract<BuildEvent, { type: 'nix' }>['event'],
): void {
  switch (event.type) {
    case 'build-started':
      build?.log.add(`building ${event.derivation}`);
      return;
    case 'log':
      build?.log.add(event.line);
      return;
    case 'build-ended':
      return;
  }
}
