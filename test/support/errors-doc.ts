import { errorTable } from '@drc/protocol';

/** The text of docs/errors.md, made from the code table. */
export function errorsDocument(): string {
  const rows = Object.entries(errorTable).map(
    ([code, { retryable, advice }]) =>
      `### ${code}\n\n${retryable ? 'Tried again by itself. ' : ''}${advice}\n`,
  );
  return `# Errors

Every error that DRC reports is a \`DrcError\` with one of these codes; \`details\` has the values that belong to it.
Codes are API: they are never renamed or reused. Messages are prose, and may change.
Where it says "Tried again by itself", the same can succeed later or on another store without anybody's doing.

This page is made from the code table in \`protocol/src/errors.ts\`: \`DRC_UPDATE_DOCS=1 npx vitest run test/protocol/errors.test.ts\`.

${rows.join('\n')}`;
}
