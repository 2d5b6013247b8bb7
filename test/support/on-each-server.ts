import { describe } from 'vitest';
import { findServer, flavours, type Flavour } from '../../scripts/servers.mjs';

const names = Object.keys(flavours) as Flavour[];
const found = await Promise.all(names.map(async (name) => [name, await findServer(name)] as const));
const installed: ReadonlySet<Flavour> = new Set(
  found.flatMap(([name, program]) => (program === undefined ? [] : [name])),
);

/** The same tests on each server. */
export function onEachServer(title: string, tests: (flavour: Flavour) => void): void {
  for (const flavour of names) onServer(flavour, title, tests);
}

/** Tests that need this server: skipped where it is not installed, and the title says so. */
export function onServer(flavour: Flavour, title: string, tests: (flavour: Flavour) => void): void {
  const isThere = installed.has(flavour);
  const server = `${flavours[flavour].title}${isThere ? '' : ', which is not installed'}`;
  describe.skipIf(!isThere)(`${title} on ${server}`, () => {
    tests(flavour);
  });
}
