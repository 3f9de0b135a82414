import { describe, expect, it } from 'vitest';
import type { CommandResult, CommandRunner } from '../hosts/commands/runner.ts';
import { createReadingTurns, fewestPlaces, mostPlaces, patienceMs } from './reading-turns.ts';

/** Lets everything go on that waits for nothing but its turn. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

const question = { script: '', title: '' };

/** Hosts that are read in turns, each with one question, and that answer when they are told to. */
function hosts() {
  let timers: { left: number; call: () => void }[] = [];
  const turns = createReadingTurns({
    schedule(milliseconds, call) {
      const timer = { left: milliseconds, call };
      timers.push(timer);
      return () => (timers = timers.filter((each) => each !== timer));
    },
  });
  /** In the order of asking. */
  const asked: string[] = [];
  const answers = new Map<string, (stdout: string) => void>();
  /** Hosts whose answers are being taken apart, until `endOf` is called. */
  const atWork: string[] = [];
  const endOf = new Map<string, () => void>();
  const runnerOf = (name: string): CommandRunner => {
    const answer = () =>
      new Promise<CommandResult>((resolve) => {
        asked.push(name);
        answers.set(name, (stdout) => {
          resolve({ exitCode: 0, signal: null, stdout, stderr: '', failure: null });
        });
      });
    return { hostName: name, run: answer, runScript: answer, follow: answer };
  };
  return {
    asked,
    answer: (name: string, stdout = 'x'.repeat(answerOfLargeHost)) => answers.get(name)?.(stdout),
    atWork,
    end: (name: string) => endOf.get(name)?.(),
    turns,
    runnerOf,
    pass: async (milliseconds: number) => {
      for (const timer of timers) timer.left -= milliseconds;
      for (const { call } of timers.filter(({ left }) => left <= 0)) call();
      timers = timers.filter(({ left }) => left > 0);
      await settle();
    },
    read: (name: string, signal?: AbortSignal) =>
      turns.take(runnerOf(name), signal, async (runner) => {
        const { stdout } = await runner.runScript(question);
        atWork.push(name);
        await new Promise<void>((resolve) => endOf.set(name, resolve));
        atWork.splice(atWork.indexOf(name), 1);
        return stdout;
      }),
  };
}

const answerOfLargeHost = 10_000_000;
const names = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => `host${from + index}`);

describe('turns of readings', () => {
  it('ask few hosts at once while it is not known how much they answer', async () => {
    const { asked, read, answer, end } = hosts();
    for (const name of names(20)) void read(name);
    await settle();
    expect(asked).toEqual(names(fewestPlaces));
    answer('host2');
    await settle();
    expect(asked).toHaveLength(fewestPlaces);
    end('host2');
    await settle();
    expect(asked).toEqual(names(fewestPlaces + 1));
  });

  it('ask many at once of which it is known that they answer little', async () => {
    const { asked, read, answer, end } = hosts();
    for (const name of names(200)) void read(name);
    await settle();
    answer('host0', 'little');
    await settle();
    end('host0');
    await settle();
    expect(asked).toEqual(names(mostPlaces + 1));
  });

  it('go on without hosts that do not answer', async () => {
    const { asked, read, pass } = hosts();
    for (const name of names(3 * fewestPlaces)) void read(name);
    await settle();
    await pass(patienceMs - 1);
    expect(asked).toHaveLength(fewestPlaces);
    await pass(1);
    expect(asked).toHaveLength(2 * fewestPlaces);
  });

  it('let a host that answers late go before those that were not asked yet', async () => {
    const { asked, atWork, read, pass, answer, end } = hosts();
    for (const name of names(3 * fewestPlaces)) void read(name);
    await settle();
    await pass(patienceMs);
    answer('host0');
    await settle();
    expect(atWork, 'all places are taken').toEqual([]);
    answer(`host${fewestPlaces}`);
    await settle();
    end(`host${fewestPlaces}`);
    await settle();
    expect(atWork).toEqual(['host0']);
    expect(asked).toHaveLength(2 * fewestPlaces);
  });

  it('take apart what one host answered after the other', async () => {
    const { atWork, read, answer, end } = hosts();
    for (const name of names(3)) void read(name);
    await settle();
    for (const name of ['host1', 'host0']) answer(name);
    await settle();
    expect(atWork).toEqual(['host1']);
    end('host1');
    await settle();
    expect(atWork).toEqual(['host0']);
  });

  it('let others work while the host at work is asked for more', async () => {
    const { turns, runnerOf, atWork, read, answer } = hosts();
    void turns.take(runnerOf('twice'), undefined, async (runner) => {
      await runner.runScript(question);
      await runner.runScript(question);
    });
    void read('host0');
    await settle();
    answer('twice');
    answer('host0');
    await settle();
    expect(atWork).toEqual(['host0']);
  });

  it('let a reading ask for several things at once, and for more when it has some of them', async () => {
    const { turns, runnerOf } = hosts();
    const answered = () => Promise.resolve({ exitCode: 0, signal: null, stdout: '', stderr: '', failure: null });
    const reading = turns.take({ ...runnerOf('several'), runScript: answered }, undefined, (runner) =>
      Promise.all([
        runner.runScript(question),
        runner.runScript(question).then(() => runner.runScript(question)),
        settle().then(() => runner.runScript(question)),
      ]),
    );
    await expect(reading).resolves.toHaveLength(3);
  });

  it('are not waited for by a reading that is called off, which leaves its place to others', async () => {
    const { asked, read, answer, end } = hosts();
    const controller = new AbortController();
    for (const name of names(fewestPlaces)) void read(name);
    const calledOff = read('called off', controller.signal);
    void read('next');
    await settle();
    controller.abort();
    await expect(calledOff).rejects.toMatchObject({ code: 'cancelled' });
    answer('host0');
    await settle();
    end('host0');
    await settle();
    expect(asked).toEqual([...names(fewestPlaces), 'next']);
  });

  it('leave no place to readings that are called off before they begin', async () => {
    const { asked, read } = hosts();
    for (const name of names(fewestPlaces)) {
      await expect(read(name, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
    }
    void read('next');
    await settle();
    expect(asked).toEqual(['next']);
  });

  it('give the place of a reading that failed to another', async () => {
    const { asked, read, turns, runnerOf } = hosts();
    const failing = turns.take(runnerOf('failing'), undefined, () => Promise.reject(new Error('gone')));
    for (const name of names(fewestPlaces)) void read(name);
    await expect(failing).rejects.toThrow('gone');
    await settle();
    expect(asked).toEqual(names(fewestPlaces));
  });
});
