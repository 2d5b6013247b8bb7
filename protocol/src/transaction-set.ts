import { DrcError } from './errors.js';
import { Sequence, type SequenceNumber } from './sequence-number.js';
import {
  includes,
  type Interval,
  intervalsOf,
  intervalText,
  joined,
  single,
  type SourceNumbers,
  withNumber,
} from './source-numbers.js';

/*
 * The text of a set. Its parts may stand in any order and more than once; `toString` sorts and joins them.
 * White space around parts, uuids, tags and intervals is allowed, as the servers print it (MySQL: ",\n").
 *
 *   set        = "" | part *("," part)
 *   part       = watermark | source | place
 *   watermark  = domain "-" server "-" sequence                    MariaDB: all of the domain up to the sequence
 *   source     = uuid 1*(":" section)                              MySQL, as @@gtid_executed
 *   section    = interval *(":" interval) | tag ":" interval *(":" interval)
 *   interval   = number ["-" number]                               both ends belong to it; first <= last
 *   place      = server "/" file ":" offset                        no GTID: all of the server's log up to the offset
 *   domain, server of a watermark: u32 · sequence: u64 · number: 1 … 2^63-2 · offset: 0 … 2^53-1
 *   uuid       = 8 "-" 4 "-" 4 "-" 4 "-" 12 hexadecimal digits, lower case in canonical text
 *   tag        = [a-z_][a-z0-9_]{0,31}, lower case in canonical text; an untagged section can only come first
 *   file       = base "." digits: numbers are compared as numbers (999999 < 1000000), canonical with six digits or more
 *   base       = printable ASCII but "," and "/"; a place of a server says nothing of files with another base
 *   server of a place = printable ASCII but "," "/" and ":"
 *
 * The text of one transaction (`ChunkHeader.id`) is a watermark, a place, or uuid [":" tag] ":" number.
 */

/** Longest text that `parse` reads, in characters: some 20,000 MySQL servers, or 100,000 gaps. */
export const maxSetTextLength = 1024 * 1024;

/** Longest text of one transaction id, in characters. */
export const maxTransactionIdLength = 600;

/** The last transaction of a MariaDB domain. `sequence` is a number while that is exact (up to 2^53-1). */
export interface MariadbPosition {
  readonly serverId: number;
  readonly sequence: SequenceNumber;
}

/** Where reading a binlog without GTIDs has come to. */
interface Place {
  readonly file: number;
  readonly offset: number;
}

/**
 * An exact set of transactions, of any mixture of flavours. Two things always hold: it is canonical (equal sets have
 * equal texts), and it only grows: nothing that it covers is ever uncovered by `add`.
 *
 * MariaDB orders a domain by sequence alone. Where one sequence stands under two server ids, histories have diverged:
 * `mariadbPosition` is there to find out; the set itself takes them for the same.
 */
export class TransactionSet {
  readonly #domains: Map<number, MariadbPosition>;
  /** Keys: `uuid` or `uuid:tag`, canonical. */
  readonly #sources: Map<string, SourceNumbers>;
  /** Keys: `server/base`. */
  readonly #places: Map<string, Place>;

  /** The empty set. Use `parse` for any other. */
  constructor() {
    this.#domains = new Map();
    this.#sources = new Map();
    this.#places = new Map();
  }

  /** The empty text is the empty set. @throws DrcError `CHECKPOINT_INVALID`. */
  static parse(text: string): TransactionSet {
    if (text.length > maxSetTextLength) throw invalid('set', text);
    const set = new TransactionSet();
    if (text.trim() === '') return set;
    // Intervals are sorted once at the end: a hostile order must not cost a move of the list for each of them.
    const intervals = new Map<string, Interval[]>();
    for (const part of text.split(',')) set.#addPart(part.trim(), intervals);
    for (const [source, list] of intervals) set.#sources.set(source, joined(list));
    return set;
  }

  /** Adds one transaction; cheapest when it follows the last of its source. @throws DrcError `CHECKPOINT_INVALID`. */
  add(id: string): void {
    const colon = id.lastIndexOf(':');
    if (colon < 0) {
      const { domain, position } = parseWatermark(id);
      this.#raise(domain, position);
    } else if (id.includes('/')) {
      const { log, place } = parsePlace(id);
      this.#advance(log, place);
    } else {
      const { source, number } = this.#parseGtid(id, colon);
      const numbers = this.#sources.get(source);
      this.#sources.set(source, numbers === undefined ? single(number) : withNumber(numbers, number));
    }
  }

  /** Whether this transaction is in the set. @throws DrcError `CHECKPOINT_INVALID`. */
  covers(id: string): boolean {
    const colon = id.lastIndexOf(':');
    if (colon < 0) {
      const { domain, position } = parseWatermark(id);
      const own = this.#domains.get(domain);
      return own !== undefined && position.sequence <= own.sequence;
    }
    if (id.includes('/')) {
      const { log, place } = parsePlace(id);
      const own = this.#places.get(log);
      return own !== undefined && !isBehind(own, place);
    }
    const { source, number } = this.#parseGtid(id, colon);
    const numbers = this.#sources.get(source);
    return numbers !== undefined && includes(numbers, { first: number, last: number });
  }

  isSubsetOf(other: TransactionSet): boolean {
    for (const [domain, own] of this.#domains) {
      const theirs = other.#domains.get(domain);
      if (theirs === undefined || own.sequence > theirs.sequence) return false;
    }
    for (const [log, own] of this.#places) {
      const theirs = other.#places.get(log);
      if (theirs === undefined || isBehind(theirs, own)) return false;
    }
    for (const [source, own] of this.#sources) {
      const theirs = other.#sources.get(source);
      if (theirs === undefined) return false;
      if (own !== theirs && !intervalsOf(own).every((interval) => includes(theirs, interval))) return false;
    }
    return true;
  }

  /** A new set; neither operand changes. */
  union(other: TransactionSet): TransactionSet {
    const result = this.clone();
    for (const [domain, position] of other.#domains) result.#raise(domain, position);
    for (const [log, place] of other.#places) result.#advance(log, place);
    for (const [source, theirs] of other.#sources) {
      const own = result.#sources.get(source);
      if (own === undefined) result.#sources.set(source, theirs);
      else if (own !== theirs)
        result.#sources.set(source, joined([...intervalsOf(own), ...intervalsOf(theirs)]));
    }
    return result;
  }

  /** An independent set with the same content; costs one map entry a source, however many intervals it has. */
  clone(): TransactionSet {
    const result = new TransactionSet();
    for (const [domain, position] of this.#domains) result.#domains.set(domain, position);
    for (const [source, numbers] of this.#sources) result.#sources.set(source, numbers);
    for (const [log, place] of this.#places) result.#places.set(log, place);
    return result;
  }

  get isEmpty(): boolean {
    return this.#domains.size === 0 && this.#sources.size === 0 && this.#places.size === 0;
  }

  /** The last transaction of a MariaDB domain: with it one finds out whether histories have diverged. */
  mariadbPosition(domain: number): MariadbPosition | undefined {
    return this.#domains.get(domain);
  }

  /** Canonical text: domains by number, then MySQL sources by uuid and tag, then places. */
  toString(): string {
    const parts: string[] = [];
    for (const [domain, { serverId, sequence }] of [...this.#domains].sort(([a], [b]) => a - b))
      parts.push(`${domain}-${serverId}-${sequence}`);
    // All uuids are of one length, so that sorting the keys puts the untagged section before the tags of its uuid.
    for (const [source, numbers] of [...this.#sources].sort(byKey)) {
      const text = intervalsOf(numbers).map(intervalText).join(':');
      const uuid = source.slice(0, uuidLength);
      if (parts.at(-1)?.startsWith(`${uuid}:`))
        parts.push(`${parts.pop()}${source.slice(uuidLength)}:${text}`);
      else parts.push(`${source}:${text}`);
    }
    for (const [log, { file, offset }] of [...this.#places].sort(byKey))
      parts.push(`${log}.${String(file).padStart(6, '0')}:${offset}`);
    return parts.join(',');
  }

  #addPart(part: string, intervals: Map<string, Interval[]>): void {
    if (part.includes('/')) {
      const { log, place } = parsePlace(part);
      this.#advance(log, place);
    } else if (part.includes(':')) {
      parseSource(part, intervals);
    } else {
      const { domain, position } = parseWatermark(part);
      this.#raise(domain, position);
    }
  }

  /** On a tie the greater server id stays, so that a union does not depend on its order. */
  #raise(domain: number, position: MariadbPosition): void {
    const own = this.#domains.get(domain);
    if (
      own === undefined ||
      position.sequence > own.sequence ||
      (position.sequence === own.sequence && position.serverId > own.serverId)
    )
      this.#domains.set(domain, position);
  }

  #advance(log: string, place: Place): void {
    const own = this.#places.get(log);
    if (own === undefined || isBehind(own, place)) this.#places.set(log, place);
  }

  #parseGtid(id: string, colon: number): { source: string; number: SequenceNumber } {
    const number = Sequence.parse(id, colon + 1, id.length, largestGno);
    if (number === undefined || number === 0) throw invalid('transaction id', id);
    const source = id.slice(0, colon);
    // A source that is known by these very characters needs no second look.
    if (this.#sources.has(source)) return { source, number };
    if (!sourcePattern.test(source)) throw invalid('transaction id', id);
    return { source: source.toLowerCase(), number };
  }
}

/** The one spelling of a transaction id: letters of a UUID are small. @throws DrcError `CHECKPOINT_INVALID` where it is none. */
export function canonicalTransactionId(id: string): string {
  const set = new TransactionSet();
  set.add(id);
  return set.toString();
}

export function isTransactionId(text: string): boolean {
  try {
    canonicalTransactionId(text);
    return true;
  } catch {
    return false;
  }
}

// --- MariaDB --------------------------------------------------------------------------------------------------

const largestSequence = 2n ** 64n - 1n;
const largestU32 = 2 ** 32 - 1;

function parseWatermark(id: string): { domain: number; position: MariadbPosition } {
  const first = id.indexOf('-');
  const second = id.indexOf('-', first + 1);
  const domain = Sequence.parse(id, 0, first, largestU32);
  const serverId = Sequence.parse(id, first + 1, second, largestU32);
  const sequence = Sequence.parse(id, second + 1, id.length, largestSequence);
  if (typeof domain !== 'number' || typeof serverId !== 'number' || sequence === undefined)
    throw invalid('transaction id', id);
  return { domain, position: { serverId, sequence } };
}

// --- MySQL ----------------------------------------------------------------------------------------------------

const largestGno = 2n ** 63n - 2n;
const uuidLength = 36;
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const tagPattern = /^[a-z_][a-z0-9_]{0,31}$/i;
const sourcePattern =
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(:[a-z_][a-z0-9_]{0,31})?$/i;

function parseSource(part: string, intervals: Map<string, Interval[]>): void {
  const items = part.split(':');
  const uuid = items[0]!.trim().toLowerCase();
  if (!uuidPattern.test(uuid)) throw invalid('set', part);
  let source = uuid;
  let needsInterval = true;
  for (let index = 1; index < items.length; index++) {
    const item = items[index]!.trim();
    if (tagPattern.test(item)) {
      // A tag without an interval says nothing; only the untagged section, which comes first, may be left out.
      if (needsInterval && index > 1) throw invalid('set', part);
      source = `${uuid}:${item.toLowerCase()}`;
      needsInterval = true;
      continue;
    }
    const list = intervals.get(source);
    const interval = parseInterval(item, part);
    if (list === undefined) intervals.set(source, [interval]);
    else list.push(interval);
    needsInterval = false;
  }
  if (needsInterval) throw invalid('set', part);
}

function parseInterval(text: string, part: string): Interval {
  const dash = text.indexOf('-');
  const first = Sequence.parse(text, 0, dash < 0 ? text.length : dash, largestGno);
  const last = dash < 0 ? first : Sequence.parse(text, dash + 1, text.length, largestGno);
  if (first === undefined || last === undefined || first === 0 || first > last) throw invalid('set', part);
  return { first, last };
}

// --- No GTID --------------------------------------------------------------------------------------------------

/** All of it printable ASCII; server, "/" and base are what orders places, and so the key. */
const placePattern = /^(?=[ -~]+$)([^,/: ]+\/[^,/]+)\.(\d{1,15}):(\d{1,16})$/;

function parsePlace(id: string): { log: string; place: Place } {
  const match = id.length <= maxTransactionIdLength ? placePattern.exec(id) : null;
  if (match === null) throw invalid('transaction id', id);
  const offset = Number(match[3]);
  if (!Number.isSafeInteger(offset)) throw invalid('transaction id', id);
  return { log: match[1]!, place: { file: Number(match[2]), offset } };
}

const isBehind = (one: Place, other: Place): boolean =>
  one.file < other.file || (one.file === other.file && one.offset < other.offset);

// --------------------------------------------------------------------------------------------------------------

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0;

const invalid = (what: string, text: string): DrcError =>
  new DrcError('CHECKPOINT_INVALID', `This is not a ${what}: ${JSON.stringify(text.slice(0, 100))}.`);
