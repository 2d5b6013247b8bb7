import { expect, it } from 'vitest';
import { startServer, type Flavour } from '../../support/database-server.js';
import { onEachServer, onServer } from '../../support/on-each-server.js';
import { TwoWaySites, type Way } from './support/two-way-sites.js';

const exclude = (...sites: string[]): Way['origins'] => ({ exclude: sites });

/** Everything is at every site, went to each once, and under the name of the site that wrote it. */
async function expectQuiet(sites: TwoWaySites, changes: number): Promise<void> {
  await sites.areEqual();
  // Behind it in every log: where it has come to, all that would go back has gone back.
  const all = changes + (await sites.write(1, 5001));
  await sites.areEqual();
  await sites.stop();
  for (const { name } of sites.sites)
    expect([name, await sites.logged(name)]).toEqual([name, { changes: all, astray: [] }]);
}

onEachServer('Two sites that both write', (flavour) => {
  it('get the other’s changes, and nothing goes round, also over a restart of the tasks', async () => {
    await using one = await startServer(flavour);
    await using other = await startServer(flavour);
    await using sites = await TwoWaySites.start([
      { name: 'a', server: one },
      { name: 'b', server: other },
    ]);
    const ways = [
      { from: 'a', to: 'b', origins: exclude('b') },
      { from: 'b', to: 'a', origins: exclude('a') },
    ];
    sites.connect(ways);
    let changes = await sites.write(60, 1);
    // Wherever they are.
    await sites.stop();
    sites.connect(ways);
    changes += await sites.write(60, 1001);
    await expectQuiet(sites, changes);
    const marks = { method: flavour === 'mysql' ? 'tag' : 'row', areSeen: true };
    expect(sites.congos.map((congo) => congo.marks)).toEqual([marks, marks]);
  });
});

onServer('mysql', 'Three sites that all write, among them MariaDB', () => {
  const servers = async (...flavours: Flavour[]) => {
    const started = await Promise.all(flavours.map((flavour) => startServer(flavour)));
    const sites = started.map((server, index) => ({ name: 'abc'[index]!, server }));
    return {
      sites,
      [Symbol.asyncDispose]: async () => {
        await Promise.all(started.map((server) => server[Symbol.asyncDispose]()));
      },
    };
  };

  it('are equal as a ring, in which each change ends before the site that made it', async () => {
    await using three = await servers('mariadb', 'mysql', 'mariadb');
    await using sites = await TwoWaySites.start(three.sites);
    sites.connect([
      { from: 'a', to: 'b', origins: exclude('b') },
      { from: 'b', to: 'c', origins: exclude('c') },
      { from: 'c', to: 'a', origins: exclude('a') },
    ]);
    await expectQuiet(sites, await sites.write(60, 1));
  });

  it('are equal as a mesh, in which each task takes what was made at its source', async () => {
    await using three = await servers('mysql', 'mariadb', 'mysql');
    await using sites = await TwoWaySites.start(three.sites);
    const names = ['a', 'b', 'c'];
    sites.connect(
      names.flatMap((from) =>
        names
          .filter((to) => to !== from)
          .map((to) => ({ from, to, origins: from === 'a' ? { include: [''] } : exclude('a', 'b', 'c') })),
      ),
    );
    await expectQuiet(sites, await sites.write(60, 1));
  });
});
