import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runCommand, type Finished } from '../../cli/support/command.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';

export const root = fileURLToPath(new URL('../../../', import.meta.url));
const deadlineMs = 300_000;

/** npm as a user calls it who is not within `npm test`. @returns what it prints */
export async function npm(args: readonly string[], cwd: string): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const options = { cwd, env, timeout: deadlineMs, maxBuffer: 64 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)('npm', [...args], options);
  return stdout;
}

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** Folders of an installed package and of all that npm installs with it. */
async function withDependencies(
  name: string,
  from: string = root,
  found = new Set<string>(),
): Promise<Set<string>> {
  const nested = join(from, 'node_modules', name);
  const folder = existsSync(nested) ? nested : join(root, 'node_modules', name);
  if (found.has(folder)) return found;
  found.add(folder);
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
  const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
  const peers = Object.keys(peerDependencies).filter((peer) => peerDependenciesMeta[peer]?.optional !== true);
  for (const dependency of [...Object.keys(dependencies), ...peers])
    await withDependencies(dependency, folder, found);
  return found;
}

/** Packs our packages as they would be published. @returns the tarballs, in the same order */
export async function pack(names: readonly string[], into: string): Promise<string[]> {
  return await packFolders(
    names.map((name) => join(root, name)),
    into,
  );
}

async function packFolders(folders: readonly string[], into: string): Promise<string[]> {
  const printed = await npm(['pack', ...folders, '--ignore-scripts', '--offline', '--json'], into);
  const packed = JSON.parse(printed) as readonly { readonly filename: string }[];
  return packed.map(({ filename }) => join(into, filename.replace('@', '').replace('/', '-')));
}

/**
 * An empty project into which the packed tarballs of `protocol` and `client-sdk` were installed, without a network: what they
 * depend on comes packed out of our own node_modules.
 */
export class PackedProject implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #tarballs: TemporaryFolder;

  private constructor(folder: TemporaryFolder, tarballs: TemporaryFolder) {
    this.#folder = folder;
    this.#tarballs = tarballs;
  }

  static async create(): Promise<PackedProject> {
    const project = new PackedProject(await temporaryFolder('project'), await temporaryFolder('tarballs'));
    await project.write('package.json', '{ "name": "service", "private": true, "type": "module" }');
    const ours = await pack(['protocol', 'client-sdk'], project.#tarballs.path);
    await project.#install(ours, ['msgpackr', 'ws']);
    return project;
  }

  get path(): string {
    return this.#folder.path;
  }

  file(...parts: string[]): string {
    return this.#folder.file(...parts);
  }

  async write(name: string, text: string): Promise<void> {
    await writeFile(this.file(name), text);
  }

  /** Installs a package that we have, with all that it depends on. */
  async add(name: string): Promise<void> {
    await this.#install([], [name]);
  }

  /** Compiles all its TypeScript as strictly as there is a switch for, the declarations of its packages included. */
  async compile(): Promise<Finished> {
    await this.write(
      'tsconfig.json',
      JSON.stringify({
        compilerOptions: {
          strict: true,
          noUncheckedIndexedAccess: true,
          exactOptionalPropertyTypes: true,
          target: 'es2022',
          lib: ['es2022', 'esnext.disposable'],
          module: 'nodenext',
          skipLibCheck: false,
          types: ['node'],
          typeRoots: [join(root, 'node_modules/@types')],
          outDir: 'out',
        },
        include: ['*.ts'],
      }),
    );
    return await runCommand(['-p', this.path], { program: join(root, 'node_modules/typescript/bin/tsc') });
  }

  async #install(tarballs: readonly string[], names: readonly string[]): Promise<void> {
    const folders = new Set<string>();
    for (const name of names) await withDependencies(name, root, folders);
    const others = await packFolders([...folders], this.#tarballs.path);
    const quiet = ['--offline', '--no-audit', '--no-fund', '--ignore-scripts'];
    await npm(
      ['install', ...quiet, '--cache', this.#tarballs.file('cache'), ...tarballs, ...others],
      this.path,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
    await this.#tarballs[Symbol.asyncDispose]();
  }
}

/** The first program of the README, made whole: what it takes for granted stands in front of it. */
export async function readmeProgram(): Promise<string> {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const program = /```ts\n(import [^]*?)```/.exec(readme)?.[1];
  if (program?.includes("'http://127.0.0.1:7370'") !== true || !program.includes('subscribe<Shop>'))
    throw new Error('The README’s program is not what this test takes it for.');
  return `
    interface Shop {
      'shop.orders': { id: bigint; total: string };
    }
    const machineKey = process.env['KEY'] ?? '';
    const handle = async (total: string): Promise<void> => console.log(\`total \${total}\`);
    ${program.replace("'http://127.0.0.1:7370'", "process.env['MANAGER'] ?? ''")}`;
}
