import { createMachineKey, initManager, type ReaderSummary } from '@drc/cluster-manager';
import { Checkpoint, TransactionSet } from '@drc/protocol';
import { expect, test } from 'vitest';
import { systemClock } from '../../cluster-manager/src/clock.js';
import { cheapPasswords, extent, TestManager } from '../cluster-manager/fixture.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { type Finished, runCommand } from './support/command.js';

const minute = 60_000;

test('readers are listed, moved and removed, through a running manager and in the folder of a stopped one', async () => {
  await using folder = await temporaryFolder('reader');
  const directory = folder.file('cm');
  const { administrator } = await initManager(directory, { passwordCost: cheapPasswords });
  const { key: storeKey } = await createMachineKey(directory, { kind: 'store', topics: ['shop'] });
  const reader = await createMachineKey(directory, { kind: 'client', topics: ['shop'] });
  const principal = `machine:${reader.id}`;
  const names = ['--principal', principal, '--topic', 'shop', '--name', 'billing'];
  const head = Date.now() - minute;
  const done = head - 10 * minute;
  {
    await using manager = await TestManager.start(directory, systemClock, administrator);
    const env = { DRC_MANAGER: manager.url, DRC_PASSWORD: administrator.password };
    const drc = (...args: string[]): Promise<Finished> => runCommand(['reader', ...args], { env });

    const store = extent({ head: { lsn: 100, time: head }, coversFrom: head - 60 * minute });
    await manager.announce(storeKey, { extent: store });
    const path = '/v1/checkpoints/shop/billing';
    const taken = await manager.request('POST', `${path}/take`, {
      token: reader.key,
      body: { client: 'billing-service' },
    });
    const { epoch } = taken.body as { epoch: number };
    const checkpoint = new Checkpoint({ topic: 'shop', set: TransactionSet.parse('0-1-77') }).toString();
    const body = { epoch, checkpoint, time: done };
    expect((await manager.request('PUT', path, { token: reader.key, body })).status).toBe(204);

    const listed = await drc('ls', '--topic', 'shop', '-o', 'json');
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(listed.stdout)).toMatchObject([
      {
        principal,
        topic: 'shop',
        name: 'billing',
        client: 'billing-service',
        state: 'away',
        saved: { epoch },
      },
    ] satisfies Partial<Omit<ReaderSummary, 'saved'> & { saved: object }>[]);

    const to = new Date(done - 5 * minute).toISOString();
    const trial = await drc('seek', ...names, '--to', to);
    expect(trial).toEqual({
      code: 0,
      stdout: [
        `would move billing of ${principal}\tshop`,
        `  from\tbehind 0-1-77 (${new Date(done).toISOString()})`.replace('.000Z', 'Z'),
        `  to\ttimestamp:${done - 5 * minute} (${to})`.replace('.000Z', 'Z'),
        '  repeats 300 s of changes\n',
      ].join('\n'),
      stderr: 'Nothing was changed: --apply does it.\n',
    });
    const latest = await drc('seek', ...names, '--to', 'latest', '--apply', '-o', 'json');
    expect(JSON.parse(latest.stdout)).toMatchObject({
      event: 'reader.seek',
      before: { set: '0-1-77' },
      after: { from: `timestamp:${head}` },
      fromTime: done,
      toTime: head,
    });
    const back = await drc('seek', ...names, '--to', 'after:0-1-70');
    expect(back.stdout).toContain('  to\tbehind 0-1-70\n  how much that repeats or leaves out is not known');

    expect(await drc('seek', ...names, '--to', 'yesterday')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("'yesterday' is not a moment") as string,
    });
    expect(await drc('seek', ...names.slice(0, 4), '--name', 'other', '--to', 'earliest')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^REQUEST_INVALID: The subscription other of machine:/) as string,
    });
  }
  const stopped = (...args: string[]): Promise<Finished> =>
    runCommand(['reader', ...args, '--data', directory]);
  expect((await stopped('ls')).stdout).toBe(
    `shop\t${principal}\tbilling\tbilling-service\taway\t-\t-\t-\ttimestamp:${head}\n`,
  );
  expect(await stopped('rm', ...names)).toMatchObject({
    code: 0,
    stdout: `would remove billing of ${principal}\tshop\n  was\ttimestamp:${head}\n`,
  });
  expect(await stopped('rm', ...names, '--apply')).toMatchObject({ code: 0, stderr: '' });
  expect(await stopped('ls', '-o', 'json')).toMatchObject({ code: 0, stdout: '[]\n' });
});
