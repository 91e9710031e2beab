import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseNixOptions } from './nix-options.ts';

const KEY = `cache.example-1:${'A'.repeat(43)}=`;

describe('options for Nix', () => {
  it.each([
    ['', {}],
    ['--option cores 4', { cores: '4' }],
    [
      `--option substituters "https://a.example https://user:pw@b.example" --option trusted-public-keys ${KEY}`,
      {
        substituters: 'https://a.example https://user:pw@b.example',
        'trusted-public-keys': KEY,
      },
    ],
    [
      '--option extra-substituters s3://bucket?region=eu-west-1',
      { 'extra-substituters': 's3://bucket?region=eu-west-1' },
    ],
    [
      "--option builders 'ssh://b1 aarch64-linux /etc/k 4 ; ssh-ng://b2'\n",
      { builders: 'ssh://b1 aarch64-linux /etc/k 4 ; ssh-ng://b2' },
    ],
    [
      '--option builders @/etc/nix/machines --option max-jobs 0',
      { builders: '@/etc/nix/machines', 'max-jobs': '0' },
    ],
    ['--option extra-platforms aarch64-linux', { 'extra-platforms': 'aarch64-linux' }],
    ['--option netrc-file /etc/nixery/netrc', { 'netrc-file': '/etc/nixery/netrc' }],
    [String.raw`--option system-features big\ kvm`, { 'system-features': 'big kvm' }],
  ])('%s are read', (text, options) => {
    expect(parseNixOptions(text)).toEqual({ options });
  });

  it.each([
    [
      '--option restrict-eval false',
      'cannot have restrict-eval: it is set by this server for each evaluation',
    ],
    ['--option extra-sandbox-paths /etc', /^cannot have extra-sandbox-paths, only what/],
    ['--option timeout 5', 'cannot have timeout: it is NIX_TIMEOUT'],
    ['--option require-sigs false', 'cannot have require-sigs: it would take a protection away'],
    [
      '--option post-build-hook /bin/sh',
      'cannot have post-build-hook: it would have Nix run or load a program',
    ],
    ['--option subtituters https://a', /did you mean substituters\?$/],
    ['--option extra-cores 4', /^cannot have extra-cores, only what/],
    ['--option cores many', 'has a value of cores that cannot be: it must be a whole number'],
    ['--option cores 4 --option cores 5', 'has cores twice'],
    ['--option substituters javascript:x', /^has a value of substituters that cannot be/],
    ['--option trusted-public-keys abc', /^has a value of trusted-public-keys that cannot be/],
    ['--option netrc-file netrc', /must be an absolute path/],
    ['--option builders "ssh://a ; sh -c x"', /^has a value of builders that cannot be/],
    ['--option substituters "https://a\nrestrict-eval = false"', /line break/],
    ['--option substituters https://a#b', /"#"/],
    ['--option substituters "https://a', 'has a quotation mark that is not closed'],
    ['--cores 4', /^must be --option NAME VALUE/],
    ['--option cores', /^must be --option NAME VALUE/],
    ['--option S3CRET x', 'has an option whose name is none'],
  ])('%s are refused, with a reason', (text, problem) => {
    const parsed = parseNixOptions(text);
    const problems = 'problems' in parsed ? parsed.problems : [];
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  it('are refused for all reasons at once, none of which repeats a value', () => {
    const parsed = parseNixOptions(
      '--option cores s3cret --option store s3cret --option http2 s3cret',
    );
    expect(parsed).toEqual({
      problems: [expect.any(String), expect.any(String), expect.any(String)],
    });
    expect(JSON.stringify(parsed)).not.toContain('s3cret');
  });

  it('never become more than one line of settings each, whatever is written', () => {
    const names = ['substituters', 'builders', 'netrc-file', 'system-features', 'cores'];
    const pieces = [
      'https://a',
      'ssh://b',
      '/c',
      '4',
      ' ',
      '\n',
      '\r',
      '#',
      '=',
      "'",
      '"',
      '\\',
      'x',
    ];
    const written = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.constantFrom(...pieces), { minLength: 1 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(written, fc.constantFrom(...names), (value, name) => {
        const quoted = `'${value.replaceAll("'", `'"'"'`)}'`;
        const parsed = parseNixOptions(`--option ${name} ${quoted}`);
        const options = 'options' in parsed ? Object.entries(parsed.options) : [];
        const wrong = options.filter(
          (option) => option.join() !== `${name},${value}` || /[\n\r#]/.test(value),
        );
        expect(wrong).toEqual([]);
      }),
    );
  });
});
