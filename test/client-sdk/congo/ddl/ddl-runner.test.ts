import { ProgressTable, Target } from '@drc/client-sdk/congo';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ddlTableSql } from '../../../../client-sdk/src/congo/ddl/ddl-intent.js';
import { DdlRunner, type DdlRunnerOptions } from '../../../../client-sdk/src/congo/ddl/ddl-runner.js';
import { onEachServer } from '../../../support/on-each-server.js';
import { TestTarget } from '../support/test-target.js';

onEachServer('A statement of a plan', (flavour) => {
  let server: TestTarget;
  beforeAll(async () => {
    server = await TestTarget.start(flavour);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await server.reset('CREATE TABLE t (id INT PRIMARY KEY)', 'CREATE TABLE u (id INT PRIMARY KEY)');
  });

  const place = { transaction: '0-1-7', place: 0 };
  const t = { schema: 'shop', table: 't' };
  const planOf = (...statements: string[]) =>
    ({ kind: 'statements', statements, tables: statements.map(() => t), notes: [] }) as const;
  // Run twice it is refused.
  const adding = planOf('ALTER TABLE `shop`.`t` ADD COLUMN a INT', 'ALTER TABLE `shop`.`t` ADD COLUMN b INT');

  /** A process of the task, which takes it over. */
  class Process implements AsyncDisposable {
    recorded = 0;
    private constructor(
      readonly target: Target,
      readonly session: Target,
      readonly claim: ProgressTable,
    ) {}

    static async start(): Promise<Process> {
      const target = await Target.open(server.options);
      const claim = await ProgressTable.claim(target, { task: 'copy', topic: 'shop', owner: 'test' }, 1000);
      await target.query(ddlTableSql('drc'));
      const session = await Target.open(server.options);
      await claim.onSession(session, 1);
      return new Process(target, session, claim);
    }

    run(plan: Parameters<DdlRunner['run']>[0], at?: DdlRunnerOptions['at']): Promise<void> {
      const { target, session, claim } = this;
      const runner = new DdlRunner({
        schema: 'drc',
        task: 'copy',
        target,
        session,
        claim,
        ...(at && { at }),
      });
      return runner.run(plan, place, () => Promise.resolve(void this.recorded++));
    }

    async [Symbol.asyncDispose](): Promise<void> {
      await this.target[Symbol.asyncDispose]();
      await this.session[Symbol.asyncDispose]();
    }
  }

  const columns = async (table = 't'): Promise<unknown[]> =>
    (await server.rows(`SHOW COLUMNS FROM ${table}`)).map(({ Field }) => Field);

  it('is run and recorded', async () => {
    await using process = await Process.start();
    await process.run(adding);
    expect(await columns()).toEqual(['id', 'a', 'b']);
    expect(process.recorded).toBe(1);
    expect(await server.rows('SELECT part, state FROM drc.congo_ddl ORDER BY part')).toEqual([
      { part: 0, state: 'done' },
      { part: 1, state: 'done' },
    ]);
  });

  for (const point of ['intended', 'ran'] as const)
    for (const count of [1, 2])
      it(`is run once where its process ends at '${point}' for the ${count}. time`, async () => {
        {
          await using process = await Process.start();
          let left = count;
          const dying = process.run(adding, (at) => {
            if (at === point && --left === 0) throw new Error('killed');
          });
          await expect(dying).rejects.toThrow('killed');
        }
        await using process = await Process.start();
        await process.run(adding);
        expect(await columns()).toEqual(['id', 'a', 'b']);
        expect(process.recorded).toBe(1);
      });

  it('is not run by a process that lost the task, before or after it wrote its intent', async () => {
    await using old = await Process.start();
    let young: Process | undefined;
    const late = old.run(adding, async (at) => {
      if (at === 'intended') young ??= await Process.start();
    });
    await expect(late).rejects.toThrow(expect.objectContaining({ code: 'TASK_FENCED' }));
    expect(await columns()).toEqual(['id']);
    await expect(old.run(adding)).rejects.toThrow(expect.objectContaining({ code: 'TASK_FENCED' }));
    expect(await columns()).toEqual(['id']);
    await using owner = young!;
    await owner.run(adding);
    expect(await columns()).toEqual(['id', 'a', 'b']);
  });

  it('of a process that stands still is ended by whoever takes the task over, and then run once', async () => {
    await using old = await Process.start();
    const blocked = await server.server.connect();
    try {
      await blocked.query('LOCK TABLES shop.t READ');
      const stuck = old.run(adding).catch((error: unknown) => error);
      await server.until(async () => {
        const [row] = await server.rows(
          "SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE INFO LIKE 'ALTER TABLE%'",
        );
        return Number(row?.['n']) === 1;
      });
      await using young = await Process.start();
      expect(await stuck).toMatchObject({ code: 'TARGET_UNREACHABLE' });
      await blocked.query('UNLOCK TABLES');
      await young.run(adding);
      expect(await columns()).toEqual(['id', 'a', 'b']);
    } finally {
      await blocked.end();
    }
  });

  it('that swaps names like each other is not decided without a person', async () => {
    const swap = planOf('RENAME TABLE `shop`.`t` TO `shop`.`v`, `shop`.`u` TO `shop`.`t`');
    await server.query('DROP TABLE shop.u; CREATE TABLE shop.u LIKE shop.t');
    {
      await using process = await Process.start();
      const dying = process.run(swap, (at) => {
        if (at === 'ran') throw new Error('killed');
      });
      await expect(dying).rejects.toThrow('killed');
    }
    await using process = await Process.start();
    await expect(process.run(swap)).rejects.toThrow(
      expect.objectContaining({ code: 'STATEMENT_UNSUPPORTED' }),
    );
    expect(process.recorded).toBe(0);
    await server.query("UPDATE drc.congo_ddl SET state = 'done'");
    await process.run(swap);
    expect(process.recorded).toBe(1);
  });
});
