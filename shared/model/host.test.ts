import { describe, expect, it } from 'vitest';
import { hostSettings, sshConnection } from './host.fixtures.ts';
import { enteredSettingsSchema, hostSettingsSchema } from './host.ts';

const acting = ['\u0085', '\u009b', '\u061c', '\u200e', '\u200f', '\u202e', '\u2066', '\u2069', '\ud800'];

describe('settings of a host that act on where they stand', () => {
  it.each(acting.map((character) => ({ code: character.charCodeAt(0).toString(16), character })))(
    'are refused when they are entered, and read from a book that has them: U+$code',
    ({ character }) => {
      const odd = `a${character}b`;
      const jump = { address: 'jump', port: 22, user: odd, authentication: { method: 'keyFile' as const, path: odd } };
      const settings = hostSettings({
        name: odd,
        connection: sshConnection({ user: odd, jumps: [jump] }),
        hypervisor: { kind: 'libvirt', uri: `qemu:///${odd}` },
      });
      const refused = enteredSettingsSchema.safeParse(settings);
      expect(refused.error?.issues.map(({ path }) => path.join('.')).toSorted()).toEqual([
        'connection.jumps.0.authentication.path',
        'connection.jumps.0.user',
        'connection.user',
        'hypervisor.uri',
        'name',
      ]);
      expect(hostSettingsSchema.safeParse(settings).success).toBe(true);
    },
  );

  it('are not those of any script, nor what joins an emoji', () => {
    const name = '日本語 👩‍👩‍👧 ⚠️ שלום';
    expect(enteredSettingsSchema.parse(hostSettings({ name })).name).toBe(name);
  });

  it('are not looked for in what a newer version wrote', () => {
    const hypervisor = { kind: 'unknown' as const, written: { kind: 'xen', note: 'a\u202eb' } };
    expect(enteredSettingsSchema.safeParse(hostSettings({ hypervisor })).success).toBe(true);
  });
});
