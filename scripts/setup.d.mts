export class SetupError extends Error {}
export function checkNode(version?: string): void;
export function packagesMatch(folder: string): boolean;
export function requiredServers(environment: NodeJS.ProcessEnv): ReadonlySet<string>;
