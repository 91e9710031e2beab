import { describe, expect, it } from 'vitest';

import { NixLog, plainText, type NixEvent } from './log.ts';

function start(id: number, derivation: string): string {
  return `@nix ${JSON.stringify({ action: 'start', id, level: 3, text: '', type: 105, fields: [derivation, '', 1, 1] })}`;
}
function logLine(id: number, line: string): string {
  return `@nix ${JSON.stringify({ action: 'result', id, type: 101, fields: [line] })}`;
}
function error(text: string): string {
  return `@nix ${JSON.stringify({ action: 'msg', level: 0, msg: `error: ${text}`, raw_msg: text })}`;
}

describe("Nix's log", () => {
  it('names the derivation that failed first, with the end of its own log', () => {
    const log = new NixLog();
    log.add(start(1, '/nix/store/x-dep.drv'));
    log.add(start(2, '/nix/store/x-other.drv'));
    log.add(logLine(2, 'other'));
    for (let i = 0; i < 300; i++) log.add(logLine(1, `line ${i}`));
    log.add(
      error("builder for '\u001b[35;1m/nix/store/x-dep.drv\u001b[0m' failed with exit code 3"),
    );
    log.add(error("1 dependencies of derivation '/nix/store/x-top.drv' failed to build"));
    const failure = log.failure();
    expect(failure?.derivation).toBe('/nix/store/x-dep.drv');
    expect(failure?.log).toHaveLength(200);
    expect(failure?.log.at(-1)).toBe('line 299');
  });

  it('reports what is built, as it happens', () => {
    const events: NixEvent[] = [];
    const log = new NixLog((event) => events.push(event));
    log.add(start(7, '/nix/store/x-a.drv'));
    log.add(logLine(7, 'hello'));
    log.add('@nix {"action":"stop","id":7}');
    expect(events).toEqual([
      { type: 'build-started', derivation: '/nix/store/x-a.drv' },
      { type: 'log', derivation: '/nix/store/x-a.drv', line: 'hello' },
      { type: 'build-ended', derivation: '/nix/store/x-a.drv' },
    ]);
  });

  it('survives entries of a newer Nix and lines cut short', () => {
    const log = new NixLog();
    log.add('@nix {"action":"dance","id":1}');
    log.add('@nix {"action":"start","id"');
    log.add('error: plain text');
    expect(log.errors).toEqual(['error: plain text']);
    expect(log.failure()).toBeUndefined();
  });
});

describe('plain text', () => {
  it('has no escape sequences and no control characters', () => {
    expect(plainText('a\u001b[31;1mred\u001b[0m\u0007\u0000b\u001b]0;title\u0007c\td\u009b')).toBe(
      'aredbc\td',
    );
  });
});
