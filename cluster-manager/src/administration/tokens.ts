import { DrcError } from '@drc/protocol';
import { z } from 'zod';
import { isSecretOf, makeBearerSecret, parseBearerSecret } from '../bearer-secret.js';
import { principalRecord } from '../principals.js';
import type { TokenRecord } from '../registry/records.js';
import type { Registry } from '../registry/registry.js';
import { calledSo } from './access.js';
import { absent, mustBe, type AdministrationContext, type Change, type RemovalOptions } from './context.js';

export interface NewToken {
  /** Whose it is: the name of a user, or `machine:<id>` of a client's key. */
  readonly principal: string;
  /** What it is for, in words: up to 100 characters. */
  readonly label: string;
  /** For how long it is good, in ms: up to 5 years. Default 90 days. */
  readonly lifeMs?: number | undefined;
}

export interface IssuedToken {
  readonly id: string;
  /** The whole token. It is shown once; only a hash of it is kept. */
  readonly token: string;
  /** ms since 1970 */
  readonly expiresAt: number;
}

/** What may be shown of a token. */
export interface TokenSummary {
  readonly id: string;
  readonly label: string;
  readonly principal: string;
  /** ms since 1970 */
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Whether it is taken: `disabled` is its principal. */
  readonly state: 'good' | 'expired' | 'disabled';
}

export interface TokenCalls {
  /** Sorted by principal, then by when it was made. */
  list(): Promise<readonly TokenSummary[]>;
  issue(token: NewToken): Promise<IssuedToken>;
  /** @param token the whole token, or its id. `REQUEST_INVALID` where there is none, or its secret is another. */
  inspect(token: string): Promise<TokenSummary>;
  /** It is not taken any more, and its tickets are void at once. `REQUEST_INVALID` where there is none. */
  revoke(id: string, options?: RemovalOptions): Promise<Change>;
}

const dayMs = 86_400_000;
const defaultLifeMs = 90 * dayMs;
const maxLifeMs = 5 * 366 * dayMs;

const label = z.string().min(1).max(100);
const life = z.number().int().min(1000).max(maxLifeMs);

export class TokenAdministration implements TokenCalls {
  readonly #context: AdministrationContext;

  constructor(context: AdministrationContext) {
    this.#context = context;
  }

  async list(): Promise<readonly TokenSummary[]> {
    const tokens = await this.#context.registry.list('token');
    const shown = await Promise.all(tokens.map(({ value }) => this.#summaryOf(value)));
    return shown.sort((a, b) =>
      a.principal === b.principal ? a.createdAt - b.createdAt : a.principal < b.principal ? -1 : 1,
    );
  }

  async issue(wanted: NewToken): Promise<IssuedToken> {
    const { registry, clock, turns, changed } = this.#context;
    const { principal, lifeMs = defaultLifeMs } = wanted;
    mustBe(label, wanted.label, 'label');
    mustBe(life, lifeMs, 'life of a token (1 second to 5 years)');
    const { id, text, secretHash } = makeBearerSecret('drctk');
    return turns.take(async () => {
      const owner = await principalRecord(registry, principal);
      if (owner === undefined) throw absent(calledSo(principal));
      if ('kind' in owner && owner.kind === 'store')
        throw new DrcError('REQUEST_INVALID', 'The key of a store announces; nothing is read in its name.');
      const createdAt = clock.now();
      const expiresAt = createdAt + lifeMs;
      const record = { id, label: wanted.label, principal, createdAt, expiresAt };
      await registry.put('token', id, { ...record, secretHash }, 'absent');
      changed({ event: 'token.issue', subject: id, after: record });
      return { id, token: text, expiresAt };
    });
  }

  async inspect(token: string): Promise<TokenSummary> {
    const parsed = parseBearerSecret('drctk', token);
    const record = (await this.#context.registry.get('token', parsed?.id ?? token))?.value;
    if (record === undefined || (parsed !== undefined && !isSecretOf(parsed.secret, record)))
      throw absent('such token');
    return this.#summaryOf(record);
  }

  async revoke(id: string, { dryRun = false }: RemovalOptions = {}): Promise<Change> {
    const { registry, revocations, turns, changed } = this.#context;
    return turns.take(async () => {
      const record = (await registry.get('token', id))?.value;
      if (record === undefined) throw absent(`token with the id ${id}`);
      const { secretHash: _kept, ...before } = record;
      const change = { event: 'token.revoke', subject: id, before };
      if (dryRun) return change;
      await revocations.add(record.principal, id);
      await registry.delete('token', id, 'any');
      changed(change);
      return change;
    });
  }

  async #summaryOf({
    id,
    label: words,
    principal,
    createdAt,
    expiresAt,
  }: TokenRecord): Promise<TokenSummary> {
    const { registry, clock } = this.#context;
    const owner = await principalRecord(registry, principal);
    const isAble = owner !== undefined && !owner.disabled;
    const state = expiresAt <= clock.now() ? 'expired' : isAble ? 'good' : 'disabled';
    return { id, label: words, principal, createdAt, expiresAt, state };
  }
}

/** They go with their principal. */
export async function removeTokensOf(registry: Registry, principal: string): Promise<void> {
  for (const { key, value } of await registry.list('token'))
    if (value.principal === principal) await registry.delete('token', key, 'any');
}
