import type { SourceFacts } from './facts.js';
import { notAsked, ok, setVariable, warning, type Finding } from './finding.js';

const mostClockDifferenceMs = 2_000;

/** A start at a time compares moments of this machine's readers with commit times of the source. */
export function clockDifference({ server }: SourceFacts): Finding {
  const name = 'clock_difference';
  const { differenceMs, uncertaintyMs } = server.clock;
  const seconds = (ms: number): string => (ms / 1000).toFixed(ms < 9_950 ? 1 : 0);
  const found =
    Math.abs(differenceMs) < 50
      ? 'none'
      : `the source is ${seconds(Math.abs(differenceMs))} s ${differenceMs > 0 ? 'ahead' : 'behind'}`;
  const wanted = `${mostClockDifferenceMs / 1000} s at most`;
  // What the way of the answer may account for is not the clocks' fault.
  if (Math.abs(differenceMs) - uncertaintyMs <= mostClockDifferenceMs) return ok(name, found, wanted);
  return warning(name, {
    found,
    wanted,
    why: 'Commit times are the source’s: a start at a time, and the retention of the log, are off by so much.',
    fix: ['Let both machines keep their time by NTP (chrony, systemd-timesyncd).'],
  });
}

/** A store needs two, three while it looks into old files; somebody else's peak must not shut it out. */
const leastFree = 5;

export function connections({ server }: SourceFacts): Finding {
  const name = 'connections';
  const most = Number(server.variables.get('max_connections') ?? 0);
  const wanted = `${leastFree} free or more`;
  if ('refusal' in server.connections) {
    return notAsked(name, 'How many there are', { wanted, refusal: server.connections.refusal });
  }
  const used = server.connections.value;
  const found = `${used} of ${most} used`;
  if (most - used >= leastFree) return ok(name, found, wanted);
  return warning(name, {
    found,
    wanted,
    why: 'The server is about to take no more connections; a store that has to connect anew would have to wait.',
    fix: setVariable(server, 'max_connections', Math.max(most, used) + 50),
  });
}
