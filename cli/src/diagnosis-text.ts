import {
  type Diagnosis,
  type Finding,
  type FindingStatus,
  type HostDiagnosis,
  isOptionFile,
  isStatement,
} from '@drc/store';
import { isatty } from 'node:tty';
import picocolors from 'picocolors';

const pc = picocolors.createColors(isatty(process.stdout.fd) && !('NO_COLOR' in process.env));

const statuses: readonly FindingStatus[] = ['ok', 'warning', 'fault', 'unknown'];

const labels: Readonly<Record<FindingStatus, string>> = {
  ok: 'ok',
  warning: 'warning',
  fault: 'fault',
  unknown: 'unknown',
};

const colours: Readonly<Record<FindingStatus, (text: string) => string>> = {
  ok: pc.green,
  warning: pc.yellow,
  fault: pc.red,
  unknown: pc.cyan,
};

/** Raised with every change that a program which reads the JSON would notice. New names of checks are none. */
const jsonFormat = 1;

/**
 * What `drc doctor -o json` prints.
 *
 *   { format: 1, source, checkedAt, server: { flavour, version, serverId, uuid } | null, result,
 *     counts: { ok, warning, fault, unknown },
 *     findings: [{ name, status, found, wanted, why, fix: [text], code?: error code, with a fault }] }
 *
 * Where a source has several hosts, one of these for each:
 *
 *   { format: 1, checkedAt, result, hosts: [{ source, server, result, counts, findings }] }
 */
export function diagnosisJson(user: string, diagnoses: readonly HostDiagnosis[], now: Date): string {
  const head = { format: jsonFormat };
  const checkedAt = now.toISOString();
  const [first, ...others] = diagnoses.map((diagnosis) => hostJson(user, diagnosis));
  const { source, ...rest } = first!;
  const document =
    others.length === 0
      ? { ...head, source, checkedAt, ...rest }
      : { ...head, checkedAt, result: worstOf(diagnoses), hosts: [first, ...others] };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

const hostJson = (user: string, { address, server, result, findings }: HostDiagnosis) => ({
  source: urlOf(user, address),
  server: server ?? null,
  result,
  counts: Object.fromEntries(statuses.map((status) => [status, countOf(findings, status)])),
  findings,
});

const urlOf = (user: string, address: string): string => `mysql://${encodeURIComponent(user)}@${address}`;

const gravity: readonly FindingStatus[] = ['ok', 'unknown', 'warning', 'fault'];

const worstOf = (diagnoses: readonly HostDiagnosis[]): FindingStatus =>
  gravity.findLast((status) => diagnoses.some(({ result }) => result === status)) ?? 'ok';

/** One table for each host, under its name; where there are several, first how each of them does. */
export function diagnosisText(user: string, diagnoses: readonly HostDiagnosis[]): string {
  const sections = diagnoses.map((diagnosis) => hostText(urlOf(user, diagnosis.address), diagnosis));
  if (sections.length === 1) return sections[0]!;
  const width = Math.max(...diagnoses.map(({ address }) => address.length));
  const overview = diagnoses.map(
    ({ address, result, findings }) =>
      `${address.padEnd(width)}  ${colours[result](labels[result].padEnd(7))}  ${summary(findings)}`,
  );
  return [...overview, '', sections.join('\n')].join('\n');
}

/** The table, then for each finding that is not ok why, and what to do. */
function hostText(source: string, { server, findings }: Diagnosis): string {
  const widths = [0, 1].map((column) =>
    Math.max(...findings.map((finding) => cells(finding)[column]!.length)),
  );
  const head = server === undefined ? source : `${source}  ${server.version}, server id ${server.serverId}`;
  const table = findings.map((finding) => {
    const [status, name, found] = cells(finding);
    return `${colours[finding.status](status.padEnd(widths[0]!))}  ${name.padEnd(widths[1]!)}  ${found}`.trimEnd();
  });
  const details = ['fault', 'warning', 'unknown'].flatMap((status) =>
    findings.filter((finding) => finding.status === status).map(detail),
  );
  return [head, '', ...table, '', ...details.map((text) => `${text}\n`), summary(findings), ''].join('\n');
}

const mostFound = 60;

function cells({ status, name, found, wanted }: Finding): readonly [string, string, string] {
  const short = found.length > mostFound ? `${found.slice(0, mostFound - 1)}…` : found;
  const isShown = status !== 'ok' && wanted !== '' && wanted.length + short.length <= 2 * mostFound;
  return [labels[status], name, isShown ? `${short} (wanted: ${wanted})` : short];
}

function detail({ name, status, found, why, fix }: Finding): string {
  return [
    `${colours[status](`${labels[status]}: ${name}`)}: ${found}`,
    ...(why === '' ? [] : [`  ${why}`]),
    ...fix.flatMap((step, index) => {
      const text = indented(step, kindOf(step) === 'sentence' ? 2 : 4);
      // What is of one kind stays together, to be copied at once.
      return index > 0 && kindOf(fix[index - 1]!) === kindOf(step) ? [text] : ['', text];
    }),
  ].join('\n');
}

const kindOf = (step: string): 'statement' | 'file' | 'sentence' =>
  isStatement(step) ? 'statement' : isOptionFile(step) ? 'file' : 'sentence';

const indented = (text: string, spaces: number): string =>
  text
    .split('\n')
    .map((line) => ' '.repeat(spaces) + line)
    .join('\n');

const countOf = (findings: readonly Finding[], status: FindingStatus): number =>
  findings.filter((finding) => finding.status === status).length;

function summary(findings: readonly Finding[]): string {
  const parts = (
    [
      ['fault', 'fault', 'faults'],
      ['warning', 'warning', 'warnings'],
      ['unknown', 'not checked', 'not checked'],
      ['ok', 'ok', 'ok'],
    ] as const
  ).flatMap(([status, one, many]) => {
    const count = countOf(findings, status);
    return count === 0 ? [] : [`${count} ${count === 1 ? one : many}`];
  });
  return `${parts.join(', ')}.`;
}
