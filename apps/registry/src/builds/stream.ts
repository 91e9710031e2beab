import type { IncomingMessage, ServerResponse } from 'node:http';

import type { BuildJournal } from './journal.ts';
import type { BuildView } from './view.ts';

/** Changes are told in bunches, this often at most (ms). */
const BUNCH_MS = 250;
/** Proxies cut connections on which nothing moves; a comment keeps them (ms). */
const HEARTBEAT_MS = 15_000;
const MAX_STREAMS = 1_000;

/**
 * Live builds as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): `log`, whose id is the number
 * of the line to go on from, `state`, rendered, and `end` after the last of them. Who reads slowly gets fewer `state`
 * events; nothing piles up for them here.
 */
export class BuildStreams {
  readonly #journal: BuildJournal;
  readonly #render: (build: BuildView) => string;
  readonly #open = new Set<() => void>();

  /** @param render a build's state as the page shows it */
  constructor(journal: BuildJournal, render: (build: BuildView) => string) {
    this.#journal = journal;
    this.#render = render;
  }

  /** @returns false, and nothing is sent, where too many follow builds already */
  serve(request: IncomingMessage, response: ServerResponse, id: string, from: number): boolean {
    if (this.#open.size >= MAX_STREAMS) return false;
    const journal = this.#journal;
    const render = this.#render;
    let next = lineToGoOnFrom(request.headers['last-event-id']) ?? from;
    let bunch: NodeJS.Timeout | undefined;

    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      // nginx would collect the answer before it passes any of it on.
      'X-Accel-Buffering': 'no',
    });

    function send(): void {
      bunch = undefined;
      const build = journal.get(id);
      const part = journal.log(id, next);
      if (part.lines.length > 0) {
        next = part.first + part.lines.length;
        response.write(`id: ${next}\nevent: log\ndata: ${JSON.stringify(part)}\n\n`);
      }
      if (build !== undefined) response.write(`event: state\n${dataLines(render(build))}\n\n`);
      if (build?.state === 'running') return;
      response.write('event: end\ndata:\n\n');
      end();
    }
    function soon(): void {
      if (bunch !== undefined || response.writableNeedDrain) return;
      bunch = setTimeout(send, BUNCH_MS);
    }
    const unfollow = journal.follow(id, soon);
    const heartbeat = setInterval(() => {
      if (!response.writableNeedDrain) response.write(': still here\n\n');
    }, HEARTBEAT_MS);
    const end = (): void => {
      response.end();
    };
    this.#open.add(end);
    response.on('drain', soon);
    response.once('close', () => {
      unfollow();
      clearInterval(heartbeat);
      clearTimeout(bunch);
      this.#open.delete(end);
    });
    send();
    return true;
  }

  /** Ends all streams; browsers come back by themselves. */
  stop(): void {
    for (const end of this.#open) end();
  }
}

/** A line break ends a field, so text of several lines is that many fields. */
function dataLines(text: string): string {
  return text.replace(/^/gm, 'data: ');
}

function lineToGoOnFrom(lastEventId: string | string[] | undefined): number | undefined {
  if (typeof lastEventId !== 'string' || !/^\d{1,9}$/.test(lastEventId)) return undefined;
  return Number(lastEventId);
}
