import { z } from 'zod';

import { redactSecrets } from '../process/redact.ts';

/** Activity and result types of Nix's internal-json log (nix: src/libutil/logging.hh); stable since Nix 2.0. */
const ACTIVITY_BUILD = 105;
const RESULT_BUILD_LOG_LINE = 101;
const LEVEL_ERROR = 0;

const PREFIX = '@nix ';
const LOG_LINES_KEPT = 200;
const MAX_LINE = 2_000;

// https://nix.dev/manual/nix/latest/command-ref/conf-file#opt-log-format (internal-json is documented there as for tools)
const entry = z.discriminatedUnion('action', [
  z.object({
    action: z.literal('start'),
    id: z.number(),
    type: z.number(),
    fields: z.array(z.union([z.string(), z.number()])).default([]),
  }),
  z.object({ action: z.literal('stop'), id: z.number() }),
  z.object({
    action: z.literal('result'),
    id: z.number(),
    type: z.number(),
    fields: z.array(z.union([z.string(), z.number()])).default([]),
  }),
  z.object({
    action: z.literal('msg'),
    level: z.number(),
    msg: z.string(),
    raw_msg: z.string().optional(),
  }),
]);

/** Something that happened in a Nix process and that a person following the build would like to see. */
export type NixEvent =
  | { readonly type: 'build-started'; readonly derivation: string }
  | { readonly type: 'build-ended'; readonly derivation: string }
  | { readonly type: 'log'; readonly derivation: string; readonly line: string };

/** Text without terminal escape sequences and other control characters, and without secrets. */
export function plainText(text: string): string {
  return redactSecrets(
    text
      // eslint-disable-next-line no-control-regex -- control characters are what this removes
      .replace(/\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?/g, '')
      // eslint-disable-next-line no-control-regex
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, ''),
  ).slice(0, MAX_LINE);
}

/**
 * Reads the standard error of a Nix process that runs with `--log-format internal-json`, line by line, and keeps what
 * is needed to explain a failure: the error messages, and the end of each derivation's log.
 */
export class NixLog {
  readonly #building = new Map<number, string>();
  readonly #logs = new Map<string, string[]>();
  readonly #errors: string[] = [];
  readonly #onEvent: (event: NixEvent) => void;

  constructor(onEvent: (event: NixEvent) => void = () => {}) {
    this.#onEvent = onEvent;
  }

  /** Takes one line; a line that is no log entry (Nix prints some warnings plainly) is kept as an error message. */
  add(line: string): void {
    if (!line.startsWith(PREFIX)) {
      this.#addError(line);
      return;
    }
    let json: unknown;
    try {
      json = JSON.parse(line.slice(PREFIX.length));
    } catch {
      return; // A line cut short because the process was ended.
    }
    const parsed = entry.safeParse(json);
    if (parsed.success) this.#apply(parsed.data);
  }

  /** Nix's error messages, outermost last, without the advice that points at flags nobody here can set. */
  get errors(): readonly string[] {
    return this.#errors;
  }

  /** The derivation whose failure the errors speak of first, with the end of its log. */
  failure(): { readonly derivation: string; readonly log: readonly string[] } | undefined {
    for (const message of this.#errors) {
      // Some messages name an output too: '….drv!out', later '….drv^out'.
      const derivation = /'(\/[^'!^]+\.drv)(?:[!^][^']*)?'/.exec(message)?.[1];
      if (derivation !== undefined) {
        return { derivation, log: this.#logs.get(derivation) ?? [] };
      }
    }
    return undefined;
  }

  #apply(data: z.infer<typeof entry>): void {
    switch (data.action) {
      case 'start': {
        const derivation = data.fields[0];
        if (data.type !== ACTIVITY_BUILD || typeof derivation !== 'string') return;
        this.#building.set(data.id, derivation);
        this.#onEvent({ type: 'build-started', derivation });
        return;
      }
      case 'stop': {
        const derivation = this.#building.get(data.id);
        if (derivation === undefined) return;
        this.#building.delete(data.id);
        this.#onEvent({ type: 'build-ended', derivation });
        return;
      }
      case 'result': {
        const derivation = this.#building.get(data.id);
        const text = data.fields[0];
        if (data.type !== RESULT_BUILD_LOG_LINE || derivation === undefined) return;
        if (typeof text !== 'string') return;
        const line = plainText(text);
        const log = this.#logs.get(derivation) ?? [];
        log.push(line);
        if (log.length > LOG_LINES_KEPT) log.shift();
        this.#logs.set(derivation, log);
        this.#onEvent({ type: 'log', derivation, line });
        return;
      }
      case 'msg': {
        if (data.level === LEVEL_ERROR) this.#addError(data.raw_msg ?? data.msg);
        return;
      }
    }
  }

  #addError(message: string): void {
    const text = plainText(message).trim();
    if (text === '' || text.startsWith("(use '--show-trace'")) return;
    this.#errors.push(text);
    if (this.#errors.length > LOG_LINES_KEPT) this.#errors.shift();
  }
}
