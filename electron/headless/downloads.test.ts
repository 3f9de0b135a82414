import { describe, expect, it } from 'vitest';
import { createDownloads, downloadHeaders } from './downloads.ts';

const file = (suggestedName: string, size = 3) => ({
  suggestedName,
  mediaType: 'text/csv; charset=utf-8',
  bytes: new Uint8Array(size),
});

async function offer(downloads: ReturnType<typeof createDownloads>, name: string, size?: number): Promise<string> {
  const saved = await downloads.save(file(name, size));
  if (saved.outcome !== 'download') throw new Error('It was not offered.');
  return saved.url;
}

describe('downloads', () => {
  it('are had once, under an address that cannot be guessed', async () => {
    const downloads = createDownloads();
    const [first, second] = [await offer(downloads, 'a.csv'), await offer(downloads, 'b.csv')];
    expect(first).toMatch(/^\/downloads\/[\w-]{43}$/);
    expect(first).not.toBe(second);
    for (const path of ['/', '/downloads/', `${first}x`, first.slice(0, -1), first.toUpperCase()]) {
      expect(downloads.take(path)).toBeUndefined();
    }
    expect(downloads.take(first)?.suggestedName).toBe('a.csv');
    expect(downloads.take(first)).toBeUndefined();
    expect(downloads.take(second)?.suggestedName).toBe('b.csv');
  });

  it('end after a minute, and give way to newer ones where they are too large', async () => {
    let now = 0;
    const downloads = createDownloads(() => now);
    const old = await offer(downloads, 'old.csv');
    now = 60_000;
    expect(downloads.take(old)).toBeUndefined();
    const [large, larger] = [await offer(downloads, 'large', 1), await offer(downloads, 'larger', 300 * 1024 * 1024)];
    expect(downloads.take(large)).toBeUndefined();
    expect(downloads.take(larger)?.suggestedName).toBe('larger');
  });

  it('say their name to every browser without a way out of the header', () => {
    const headers = downloadHeaders(file('näme "x"\r\nSet-Cookie: a=b\ud800.csv'));
    expect(headers['Content-Disposition']).toBe(
      `attachment; filename="n_me _x___Set-Cookie_ a_b_.csv"; filename*=UTF-8''n%C3%A4me%20%22x%22%0D%0ASet-Cookie%3A%20a%3Db%EF%BF%BD.csv`,
    );
    expect(headers).toMatchObject({ 'Content-Length': 3, 'Cache-Control': 'no-store' });
  });
});
