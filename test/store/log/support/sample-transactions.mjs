// Transactions whose content follows from their number: a process that is killed writes them, a test checks them.

export const sampleId = (number) => `0-1-${number}`;

export function sampleContents(number) {
  const chunks = number % 40 === 0 ? 30 : (number % 3) + 1;
  return Array.from({ length: chunks }, (_, chunk) =>
    `${number}/${chunk};`.repeat(1 + ((number * 37 + chunk * 11) % (number % 40 === 0 ? 1000 : 60))),
  );
}
