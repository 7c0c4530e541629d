import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { openAppending } from '../../../lib/clients/file/appending-writer.ts';
import { openAtomic } from '../../../lib/clients/file/atomic-writer.ts';
import type { FileWriter } from '../../../lib/clients/file/file-writer.ts';
import { openSpecial } from '../../../lib/clients/file/special-file.ts';
import { failure } from '../../formats/decoding.ts';
import { freshFolder } from './folder.ts';
import { faultyFileSystem } from './full-disk.ts';

const bytes = (text: string): Uint8Array[] => [...text].map(letter => Buffer.from(letter));

/** Writes in two pieces and closes; on an error aborts, as the engine does, unless close itself failed. */
async function write(opened: Promise<FileWriter>, text: string): Promise<void> {
  const writer = await opened;
  try {
    await writer.write(bytes(text.slice(0, 3)));
    await writer.write([Buffer.from(text.slice(3))]);
    await writer.commit();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await writer.close();
}

describe('atomic file writer', () => {
  const { at, names, text } = freshFolder();

  it('shows the file as a whole when it is closed, and nothing before', async () => {
    const writer = await openAtomic(at('out.csv'), 'create');
    await writer.write(bytes('a,b\n'));
    expect(await writer.commit()).to.equal(4);
    expect(existsSync(at('out.csv'))).to.equal(false);
    await writer.write(bytes('1,2\n'));
    await writer.close();
    expect(text('out.csv')).to.equal('a,b\n1,2\n');
    expect(names()).to.deep.equal(['out.csv']);
  });

  it('leaves nothing when it is aborted', async () => {
    const writer = await openAtomic(at('out.csv'), 'create');
    await writer.write(bytes('a,b\n'));
    await writer.commit();
    await writer.abort();
    expect(names()).to.deep.equal([]);
  });

  for (const mode of ['create', 'replace'] as const) {
    it(`leaves no torn file when the disk is full at any byte (${mode})`, async () => {
      const content = 'id,name\n1,Ada\n';
      if (mode === 'replace') writeFileSync(at('out.csv'), 'what was there');
      for (let roomBytes = 0; roomBytes < content.length; roomBytes++) {
        const error = await failure(write(openAtomic(at('out.csv'), mode, faultyFileSystem({ roomBytes })), content));
        expect(error).to.include({ code: 'DISK_FULL' });
        expect(error.message).to.contain('out.csv');
        expect(names()).to.deep.equal(mode === 'replace' ? ['out.csv'] : []);
        if (mode === 'replace') expect(text('out.csv')).to.equal('what was there');
      }
      await write(openAtomic(at('out.csv'), mode, faultyFileSystem({ roomBytes: content.length })), content);
      expect(text('out.csv')).to.equal(content);
    });
  }

  it('takes a failed fsync for a failed file', async () => {
    for (const call of ['sync', 'link'] as const) {
      const error = await failure(write(openAtomic(at('out.csv'), 'create', faultyFileSystem({ fails: { [call]: 'EIO' } })), 'abcdef'));
      expect(error.code).to.equal('IO_FAILED');
      expect(names()).to.deep.equal([]);
    }
    const error = await failure(write(openAtomic(at('out.csv'), 'create', faultyFileSystem({ fails: { folderSync: 'EIO' } })), 'abcdef'));
    expect(error.code).to.equal('IO_FAILED');
  });

  it('refuses a target that is there, before anything is written', async () => {
    writeFileSync(at('there.csv'), 'keep me');
    symlinkSync(at('nowhere'), at('dangling.csv'));
    for (const name of ['there.csv', 'dangling.csv']) {
      const error = await failure(openAtomic(at(name), 'create'));
      expect(error.code).to.equal('EXISTS');
      expect(error.message).to.contain(name);
    }
    expect(text('there.csv')).to.equal('keep me');
    expect(names()).to.deep.equal(['dangling.csv', 'there.csv']);
  });

  for (const fails of [{}, { link: 'EPERM' }]) {
    it(`never takes the place of a file that appeared meanwhile${fails.link === undefined ? '' : ', also where there are no links'}`, async () => {
      const writer = await openAtomic(at('out.csv'), 'create', faultyFileSystem({ fails }));
      await writer.write(bytes('mine'));
      writeFileSync(at('out.csv'), 'theirs');
      expect((await failure(writer.close())).code).to.equal('EXISTS');
      expect(text('out.csv')).to.equal('theirs');
      expect(names()).to.deep.equal(['out.csv']);
    });
  }

  it('makes a file where there are no links', async () => {
    await write(openAtomic(at('out.csv'), 'create', faultyFileSystem({ fails: { link: 'ENOTSUP' } })), 'abcdef');
    expect(text('out.csv')).to.equal('abcdef');
    expect(names()).to.deep.equal(['out.csv']);
  });

  it('gives a new file the permissions of any new file, and a replaced one those that it had', async () => {
    const umask = process.umask(0o027);
    try {
      await write(openAtomic(at('new.csv'), 'create'), 'abcdef');
      writeFileSync(at('old.csv'), 'x');
      chmodSync(at('old.csv'), 0o604);
      await write(openAtomic(at('old.csv'), 'replace'), 'abcdef');
    } finally {
      process.umask(umask);
    }
    expect((statSync(at('new.csv')).mode & 0o777).toString(8)).to.equal('640');
    expect((statSync(at('old.csv')).mode & 0o777).toString(8)).to.equal('604');
  });

  it('replaces the file that a link leads to, not the link', async () => {
    writeFileSync(at('real.csv'), 'old');
    symlinkSync(at('real.csv'), at('link.csv'));
    await write(openAtomic(at('link.csv'), 'replace'), 'new content');
    expect(lstatSync(at('link.csv')).isSymbolicLink()).to.equal(true);
    expect(text('real.csv')).to.equal('new content');
    expect(names()).to.deep.equal(['link.csv', 'real.csv']);
  });

  it('names the folder that is not there, and takes a folder for none', async () => {
    const missing = await failure(openAtomic(at('nodir/out.csv'), 'create'));
    expect(missing.code).to.equal('NOT_FOUND');
    expect(missing.message).to.contain('nodir');
    mkdirSync(at('folder'));
    for (const mode of ['create', 'replace'] as const)
      expect((await failure(openAtomic(at('folder'), mode))).code).to.equal('NOT_PERMITTED');
    writeFileSync(at('file'), '');
    expect((await failure(openAtomic(at('file/out.csv'), 'create'))).code).to.equal('NOT_FOUND');
  });

  it('takes names as long as the file system does', async () => {
    const name = `${'ø'.repeat(125)}.csv`;
    await write(openAtomic(at(name), 'create'), 'abcdef');
    expect(names()).to.deep.equal([name]);
  });

  it('leaves nothing under the name when the process is killed', async () => {
    const script = `
      import { openAtomic } from '${new URL('../../../lib/clients/file/atomic-writer.ts', import.meta.url).href}';
      const writer = await openAtomic(process.argv[1], 'create');
      await writer.write([Buffer.from('half')]);
      await writer.commit();
      process.kill(process.pid, 'SIGKILL');
      await new Promise(() => setInterval(() => {}, 1000));`;
    const run = (): Buffer =>
      execFileSync(
        process.execPath,
        ['--conditions=millrace:source', '--import', 'tsx', '--input-type=module', '-e', script, at('out.csv')],
        { stdio: 'pipe' },
      );
    expect(run).to.throw();
    expect(existsSync(at('out.csv'))).to.equal(false);
    const [left] = names();
    expect(left).to.match(/^\.out\.csv\.[0-9a-f]{12}\.tmp$/);
    expect(text(left!)).to.equal('half');
    await write(openAtomic(at('out.csv'), 'create'), 'abcdef');
    expect(text('out.csv')).to.equal('abcdef');
  });
});

describe('appending file writer', () => {
  const { at, names, text } = freshFolder();

  it('writes behind what is there', async () => {
    writeFileSync(at('log.ndjson'), 'before\n');
    const writer = await openAppending(at('log.ndjson'));
    expect(writer.isFresh).to.equal(false);
    await writer.write(bytes('more\n'));
    expect(await writer.commit()).to.equal(12);
    await writer.close();
    expect(text('log.ndjson')).to.equal('before\nmore\n');
  });

  it('is cut back to the last commit when it is aborted', async () => {
    writeFileSync(at('log.ndjson'), 'before\n');
    const writer = await openAppending(at('log.ndjson'));
    await writer.write(bytes('kept\n'));
    await writer.commit();
    await writer.write(bytes('not kept'));
    await writer.abort();
    expect(text('log.ndjson')).to.equal('before\nkept\n');
  });

  it('is cut back to what was there when the disk is full at any byte', async () => {
    writeFileSync(at('log.ndjson'), 'before\n');
    for (let roomBytes = 0; roomBytes < 10; roomBytes++) {
      expect((await failure(write(openAppending(at('log.ndjson'), faultyFileSystem({ roomBytes })), '0123456789'))).code).to.equal(
        'DISK_FULL',
      );
      expect(text('log.ndjson')).to.equal('before\n');
    }
  });

  it('makes a file that is not there, and leaves none when it is aborted', async () => {
    const writer = await openAppending(at('new.ndjson'));
    expect(writer.isFresh).to.equal(true);
    await writer.write(bytes('x'));
    await writer.abort();
    expect(names()).to.deep.equal([]);
    await write(openAppending(at('new.ndjson')), 'abcdef');
    expect(text('new.ndjson')).to.equal('abcdef');
  });

  it('cuts away nothing that somebody else wrote, and says so', async () => {
    writeFileSync(at('log.ndjson'), 'before\n');
    const writer = await openAppending(at('log.ndjson'));
    await writer.write(bytes('mine\n'));
    writeFileSync(at('log.ndjson'), 'theirs, and longer\n', { flag: 'a' });
    expect((await failure(writer.commit())).code).to.equal('IO_FAILED');
    await writer.abort();
    expect(text('log.ndjson')).to.equal('before\nmine\ntheirs, and longer\n');
  });

  it('refuses what is no file', async () => {
    mkdirSync(at('folder'));
    expect((await failure(openAppending(at('folder')))).code).to.equal('NOT_PERMITTED');
    expect((await failure(openAppending(at('nodir/log')))).code).to.equal('NOT_FOUND');
  });
});

describe('devices', () => {
  it('are written to, never replaced', async () => {
    const writer = await openSpecial('/dev/null');
    await writer.write(bytes('gone'));
    expect(await writer.commit()).to.equal(4);
    await writer.close();
    expect(lstatSync('/dev/null').isCharacterDevice()).to.equal(true);
    expect(readdirSync('/dev').filter(name => name.startsWith('.null'))).to.deep.equal([]);
  });

  it('that are full say so', async () => {
    const writer = await openSpecial('/dev/full');
    expect((await failure(writer.write(bytes('x')))).code).to.equal('DISK_FULL');
    await writer.close();
    expect(readFileSync('/dev/null', 'utf8')).to.equal('');
  });
});
