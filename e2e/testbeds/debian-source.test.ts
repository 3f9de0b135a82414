import { describe, expect, it } from 'vitest';
import { mirrorOf, parseSources } from './debian-source.ts';

const stanza = `Types: deb
# a comment
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`;
const lines = `# deb http://old.example/debian bookworm main
deb-src http://source.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] https://packages.example/apt stable main
deb [trusted=yes] http://mirror.example/debian bookworm main contrib
`;

describe('the mirror of the machine', () => {
  it('is the one its own release comes from', () => {
    expect(mirrorOf(parseSources(stanza), 'bookworm')).toBe('http://mirror.example/debian');
    expect(mirrorOf(parseSources(lines), 'bookworm')).toBe('http://mirror.example/debian');
  });

  it('is not known on what is not Debian, and where the sources name none', () => {
    expect(mirrorOf(parseSources(stanza), undefined)).toBeNull();
    expect(mirrorOf(parseSources(lines), 'trixie')).toBeNull();
    expect(mirrorOf(parseSources('deb file:/cdrom bookworm main'), 'bookworm')).toBeNull();
  });
});
