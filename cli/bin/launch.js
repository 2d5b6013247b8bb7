import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Starts a built command; says what to run while nothing is built. @param {'drc' | 'congo'} name */
export async function run(name) {
  const main = new URL(`../dist/${name}.js`, import.meta.url);
  if (!existsSync(fileURLToPath(main))) {
    process.stderr.write(
      `${name}: not built yet. Run \`npm install\` (or \`npm run build\`) in the repository first.\n`,
    );
    process.exitCode = 2;
    return;
  }
  await import(main.href);
}
