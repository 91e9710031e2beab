import { type Setting, SETTING_GROUPS } from '@nixery/registry/settings';

/** All settings, by group, each under a heading that can be linked to. */
export function settingsReference(settings: readonly Setting[]): string {
  return Object.entries(SETTING_GROUPS)
    .map(([group, title]) => {
      const members = settings.filter((setting) => setting.group === group);
      return [`## ${title}`, ...members.map(section)].join('\n\n');
    })
    .join('\n\n');
}

function section(setting: Setting): string {
  return [`### \`${setting.name}\``, setting.about, facts(setting)].join('\n\n');
}

function facts(setting: Setting): string {
  return [
    `- ${defaultText(setting)}`,
    ...(setting.values === undefined ? [] : [`- Takes ${setting.values}.`]),
    ...(setting.nixery === undefined ? [] : ['- Nixery has it, too.']),
    ...(setting.secret === undefined ? [] : [`- **Secret**: ${SECRETS[setting.secret]}.`]),
  ].join('\n');
}

const SECRETS: Readonly<Record<NonNullable<Setting['secret']>, string>> = {
  value: 'the value may hold a password',
  file: 'the file, which the server alone should be able to read',
};

function defaultText(setting: Setting): string {
  if (setting.default !== undefined) return `Default: \`${setting.default}\`.`;
  return setting.unset === undefined ? 'Not set by default.' : `Not set: ${setting.unset}.`;
}

/** Those that most people need, as a table. */
export function commonSettings(settings: readonly Setting[]): string {
  const rows = settings.flatMap(({ name, brief, default: value, unset }) =>
    brief === undefined
      ? []
      : [`| \`${name}\` | ${value === undefined ? (unset ?? '') : `\`${value}\``} | ${brief} |`],
  );
  return ['| variable | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}
