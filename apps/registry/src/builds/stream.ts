import type { IncomingMessage, ServerResponse } from 'node:http';

import type { BuildJournal } from './journal.ts';
import { type BuildView, isOver } from './view.ts';

/** Changes are told in bunches, this often at most (ms). */
const BUNCH_MS = 250;
/** Proxies cut connections on which nothing moves; a comment keeps them (ms). */
const HEARTBEAT_MS = 15_000;
const MAX_STREAMS = 1_000;

export interface BuildStreamsOptions {
  readonly journal: BuildJournal;
  /** A build's state as the page shows it. */
  readonly render: (build: BuildView) => string;
  /** How often a comment is sent, if not as usual (ms). */
  readonly heartbeatMs?: number;
}

/**
 * Live builds as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): `log`, whose id is the number
 * of the line to go on from, `state`, rendered, and `end` after the last of them. Who reads slowly gets fewer `state`
 * events; nothing piles up for them here.
 */
export class BuildStreams {
  readonly #options: BuildStreamsOptions;
  readonly #open = new Set<() => void>();

  constructor(options: BuildStreamsOptions) {
    this.#options = options;
  }

  /** @returns false, and nothing is sent, where too many follow builds already */
  serve(request: IncomingMessage, response: ServerResponse, id: string, from: number): boolean {
    if (this.#open.size >= MAX_STREAMS) return false;
    const { heartbeatMs = HEARTBEAT_MS, journal, render } = this.#options;
    let next = lineToGoOnFrom(request.headers['last-event-id']) ?? from;
    let bunch: NodeJS.Timeout | undefined;

    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      // nginx would collect the answer before it passes any of it on.
      'X-Accel-Buffering': 'no',
    });
    if (request.method === 'HEAD') {
      response.end();
      return true;
    }

    function send(): void {
      bunch = undefined;
      const build = journal.get(id);
      const part = journal.log(id, next);
      if (part.lines.length > 0) {
        next = part.first + part.lines.length;
        response.write(`id: ${next}\nevent: log\ndata: ${JSON.stringify(part)}\n\n`);
      }
      if (build !== undefined) response.write(`event: state\n${dataLines(render(build))}\n\n`);
      if (build !== undefined && !isOver(build)) return;
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
    }, heartbeatMs);
    /** Its end may wait for the client to read, for as long as that takes: nothing may be written meanwhile. */
    const leave = (): void => {
      unfollow();
      clearInterval(heartbeat);
      clearTimeout(bunch);
      this.#open.delete(end);
    };
    const end = (): void => {
      leave();
      response.end();
    };
    this.#open.add(end);
    response.on('drain', soon);
    response.once('close', leave);
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
