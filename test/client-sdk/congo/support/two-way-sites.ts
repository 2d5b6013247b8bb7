import { setImmediate } from 'node:timers/promises';
import type { Hub } from '@drc/client-sdk';
import { Congo, type OriginOptions } from '@drc/client-sdk/congo';
import { isDrcError, TransactionSet } from '@drc/protocol';
import type { DatabaseServer } from '../../../support/database-server.js';
import { newestId } from '../../../support/gtid.js';
import { startHub, until, type TestHub } from '../../../support/hub.js';
import { rowsOf } from './test-target.js';

export interface Site {
  readonly name: string;
  readonly server: DatabaseServer;
}

/** From one site to another, and what of it is applied. */
export interface Way {
  readonly from: string;
  readonly to: string;
  readonly origins: Pick<OriginOptions, 'include' | 'exclude'>;
}

/** A row is written at one site only, which is part of its key. */
const table = 'CREATE TABLE rows_of_sites (site CHAR(1), id INT, v BIGINT, PRIMARY KEY (site, id))';

/** Sites that all write, each captured as a topic of its name, and the tasks between them. */
export class TwoWaySites implements AsyncDisposable {
  readonly sites: readonly Site[];
  readonly #hub: TestHub;
  readonly #sdk: Hub;
  #stop = new AbortController();
  #tasks: { readonly congo: Congo; readonly ended: Promise<void> }[] = [];
  #failure: unknown;

  private constructor(sites: readonly Site[], hub: TestHub, sdk: Hub) {
    this.sites = sites;
    this.#hub = hub;
    this.#sdk = sdk;
  }

  static async start(sites: readonly Site[]): Promise<TwoWaySites> {
    for (const { server } of sites)
      await server.query(`CREATE DATABASE shop CHARACTER SET utf8mb4; USE shop; ${table}`);
    const hub = await startHub({
      source: sites[0]!.server,
      topics: sites.map(({ name }) => name),
      stores: sites.map(({ name: topic, server: { port } }) => ({
        topic,
        source: { host: '127.0.0.1', port },
      })),
    });
    return new TwoWaySites(sites, hub, await hub.connect());
  }

  /** Of the tasks that run, or ran last. */
  get congos(): readonly Congo[] {
    return this.#tasks.map(({ congo }) => congo);
  }

  /** Begins a task for each way. */
  connect(ways: readonly Way[]): void {
    this.#stop = new AbortController();
    this.#tasks = [];
    for (const { from, to, origins } of ways) {
      const { port } = this.#site(to).server;
      const congo = new Congo({
        hub: this.#sdk,
        task: `from_${from}`,
        topic: from,
        tables: [{ from: 'shop.*' }],
        target: { host: '127.0.0.1', port, user: 'root', password: '' },
        ddl: 'ignore',
        maxBatchRows: 50,
        origin: { mark: from, targetTopic: to, ...origins },
      });
      const ended = congo.run(this.#stop.signal).catch((error: unknown) => {
        this.#failure ??= isDrcError(error) ? new Error(`${from} to ${to}: ${error.message}`) : error;
      });
      this.#tasks.push({ congo, ended });
    }
  }

  /** All sites at once, each its own rows: `rounds` transactions of some rows. @returns the row changes that were made */
  async write(rounds: number, firstId: number): Promise<number> {
    const changes = await Promise.all(this.sites.map((site) => writeAt(site, rounds, firstId)));
    return changes.reduce((sum, count) => sum + count, 0);
  }

  /** Waits until all sites have the same rows. */
  async areEqual(): Promise<void> {
    await until(async () => {
      if (this.#failure !== undefined) throw this.#failure as Error;
      const all = await Promise.all(
        this.sites.map(({ server }) => rowsOf(server, 'SELECT * FROM rows_of_sites ORDER BY site, id')),
      );
      return all.every((rows) => rows.length > 0 && JSON.stringify(rows) === JSON.stringify(all[0]));
    }, 'the sites are not equal');
  }

  /**
   * What the binlog of a site had, up to the end of the log when it is asked: the changes of rows, and those that stand under another origin than
   * the site that wrote them.
   */
  async logged(site: string): Promise<{ changes: number; astray: string[] }> {
    let changes = 0;
    const astray: string[] = [];
    await this.#captured(site);
    await using log = this.#sdk.subscribe(site, { from: 'earliest', tables: ['shop.rows_of_sites'] });
    const iterator = log[Symbol.asyncIterator]();
    // What has arrived comes before the status says that no more has.
    const isOver = until(
      () => ['caughtUp', 'closed'].includes(log.status().kind),
      'the log is not read',
    ).then(() => setImmediate(undefined));
    for (let next = iterator.next(); ; next = iterator.next()) {
      const item = await Promise.race([next, isOver]);
      if (item === undefined || item.done === true) return { changes, astray };
      for (const change of await item.value.all()) {
        if (change.kind === 'ddl' || change.kind === 'sequence') continue;
        const row = 'after' in change ? change.after : change.before;
        changes += 1;
        if ((item.value.origin ?? site) !== row['site'])
          astray.push(`${item.value.id}: ${String(row['site'])} as ${item.value.origin ?? 'its own'}`);
      }
    }
  }

  /** Waits until the store has all that the server of the site has written. */
  async #captured(name: string): Promise<void> {
    const { server } = this.#site(name);
    const store = this.#hub.stores[this.sites.findIndex((site) => site.name === name)]!;
    const { log } = store.store;
    if (server.flavour === 'mariadb') await store.reaches(await newestId(server));
    else {
      // Tags, too.
      const [row] = (await server.query('SELECT @@GLOBAL.gtid_executed AS executed')) as {
        executed: string;
      }[];
      const executed = TransactionSet.parse(row!.executed);
      await until(() => executed.isSubsetOf(log.capture.executed), `${name} is not captured`);
    }
    // What is being written is behind the head until it is.
    await log.flush();
  }

  #site(name: string): Site {
    return this.sites.find((site) => site.name === name)!;
  }

  /** Ends the tasks. @throws what one of them met */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#tasks.map(({ ended }) => ended));
    if (this.#failure !== undefined) throw this.#failure as Error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#tasks.map(({ ended }) => ended));
    await this.#hub[Symbol.asyncDispose]();
  }
}

async function writeAt({ name, server }: Site, rounds: number, firstId: number): Promise<number> {
  const connection = await server.connect({ database: 'shop', multipleStatements: true });
  let changes = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      const id = firstId + round;
      const wasThere = round > 0;
      await connection.query(
        `BEGIN; INSERT INTO rows_of_sites VALUES ('${name}', ${id}, 1), ('${name}', ${-id}, 2);
         UPDATE rows_of_sites SET v = v + 10 WHERE site = '${name}' AND id = ${id};
         DELETE FROM rows_of_sites WHERE site = '${name}' AND id = ${1 - id}; COMMIT`,
      );
      changes += wasThere ? 4 : 3;
    }
  } finally {
    await connection.end();
  }
  return changes;
}
