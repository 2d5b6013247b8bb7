/** The sequence of the source's domain 0 is the number. */
export declare const sampleId: (number: number) => string;
/** What the chunks of transaction `number` hold, whoever writes it and whoever checks it. */
export declare function sampleContents(number: number): string[];
