import { expect } from 'chai';
import fc from 'fast-check';
import { MillraceError } from '../../../lib/errors.ts';
import { characterSet } from '../../../lib/formats/text/character-set.ts';
import { textInput } from '../../../lib/formats/text/decode-text.ts';
import { likelyEncoding } from '../../../lib/formats/text/likely-encoding.ts';
import { cut } from '../csv/reading.ts';

/** Texts that each encoding has, by its label. */
const TEXTS = {
  'utf-16le': 'Æ 東京 🛶',
  'utf-16be': 'Æ 東京 🛶',
  'windows-1252': 'Müller – „50 €“ ŠŒ',
  'iso-8859-2': 'Łódź Świętokrzyskie',
  'iso-8859-15': 'Žena 5 €',
  'windows-1250': 'Příliš žluťoučký',
  'windows-1251': 'Иван живёт в Москве',
  'koi8-r': 'Иван живёт в Москве',
  macintosh: 'Müller “x” ∞',
  ibm866: 'Иван ║ Москва',
  shift_jis: '山田太郎は東京のまちにすむ',
  'euc-jp': '山田太郎は東京のまちにすむ',
  'euc-kr': '홍길동 서울특별시',
  gbk: '张三在北京市工作',
  gb18030: '张三在北京市工作 é 🛶 \u0e01',
  big5: '張三在台北市工作',
};

const bytesOf = (label: string, text: string): Uint8Array => characterSet(label)?.encode(Buffer.from(text)) ?? Buffer.from(text);

interface Given {
  encoding?: string;
  hasMark?: boolean;
}

async function readText(chunks: readonly Uint8Array[], { encoding, hasMark = true }: Given = {}): Promise<{ text: string; name: string }> {
  const input = textInput(from(chunks), { file: 'in.csv', encoding, hasMark });
  const read: Uint8Array[] = [];
  for await (const chunk of input.chunks) read.push(Uint8Array.from(chunk));
  return { text: Buffer.concat(read).toString(), name: input.encoding };
}

/** In memory that is overwritten as soon as the next piece is asked for. */
async function* from(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    const own = Uint8Array.from(chunk);
    yield own;
    own.fill(0x58);
  }
}

async function fault(chunks: readonly Uint8Array[], given?: Given): Promise<MillraceError> {
  const thrown: unknown = await readText(chunks, given).catch((error: unknown) => error);
  if (!(thrown instanceof MillraceError)) throw new Error('it was read');
  return thrown;
}

describe('encodings', () => {
  for (const [label, text] of Object.entries(TEXTS)) {
    it(`${label}: what is written is read as it was, cut anywhere`, async () => {
      const set = characterSet(label);
      const letters = [...text, ...'a,"\r\n', '\n', '0'];
      const property = fc.asyncProperty(
        fc.array(fc.constantFrom(...letters)).map(list => list.join('')),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        async (some, sizes) => {
          const utf8 = Buffer.from(some);
          set?.check(utf8, 0, utf8.length);
          const read = await readText(cut(bytesOf(label, some), sizes), { encoding: label, hasMark: false });
          expect(read).to.deep.equal({ text: some, name: label });
        },
      );
      await fc.assert(property, { numRuns: 40 });
    });
  }

  it('has every character in the very bytes that the standard says', () => {
    const hex = (label: string, text: string): string => Buffer.from(bytesOf(label, text)).toString('hex');
    expect(hex('windows-1252', '€’é')).to.equal('8092e9');
    expect(hex('shift_jis', '表ｱ')).to.equal('955cb1');
    expect(hex('euc-jp', '表')).to.equal('c9bd');
    expect(hex('gb18030', '中é🛶')).to.equal('d6d0a8a695309732');
    expect(hex('big5', '中')).to.equal('a4a4');
    expect(hex('euc-kr', '한')).to.equal('c7d1');
    expect(hex('utf-16be', 'a🛶')).to.equal('0061d83ddef6');
    expect(characterSet('latin1')?.name).to.equal('windows-1252');
    expect(characterSet('utf8')).to.equal(undefined);
  });

  it('refuses to write what an encoding lacks, never something else in its place', () => {
    for (const [label, text] of [
      ['windows-1252', 'x Ł'],
      ['windows-1252', '🛶'],
      ['shift_jis', 'é'],
      ['koi8-r', '東'],
      ['big5', '🛶'],
    ] as const) {
      const bytes = Buffer.from(text);
      expect(() => characterSet(label)?.check(bytes, 0, bytes.length), label)
        .to.throw(MillraceError)
        .with.property('code', 'VALUE_NOT_CARRIED');
    }
    expect(() => characterSet('iso-2022-jp'))
      .to.throw()
      .with.property('code', 'OPTION_INVALID');
  });

  it('goes by the byte order mark, whatever was said', async () => {
    const marked = (label: 'utf-16le' | 'utf-16be'): Uint8Array => bytesOf(label, '\ufeffa,b\n1,Æ\n');
    for (const encoding of [undefined, 'utf-16', 'utf-8', 'windows-1252']) {
      for (const label of ['utf-16le', 'utf-16be'] as const)
        expect(await readText(cut(marked(label), [1]), { ...(encoding === undefined ? {} : { encoding }) })).to.deep.equal({
          text: 'a,b\n1,Æ\n',
          name: label,
        });
      // That of UTF-8 is left to the formats, which count it.
      const utf8 = await readText([Buffer.from('\ufeffa,Æ\n')], { ...(encoding === undefined ? {} : { encoding }) });
      expect(utf8).to.deep.equal({ text: '\ufeffa,Æ\n', name: 'utf-8' });
    }
    expect((await readText([marked('utf-16le')], { encoding: 'utf-16le', hasMark: false })).text).to.equal('\ufeffa,b\n1,Æ\n');
  });

  it('gives a pause on, before and in the middle of the text', async () => {
    const nothing = new Uint8Array(0);
    const chunks = [nothing, ...cut(bytesOf('utf-16le', '\ufeffab\n'), [1]), nothing, ...cut(bytesOf('utf-16le', 'c\n'), [3])];
    const input = textInput(from(chunks), { file: 'in', encoding: undefined, hasMark: true });
    const read: string[] = [];
    for await (const chunk of input.chunks) read.push(Buffer.from(chunk).toString());
    expect(read[0]).to.equal('');
    expect(read.join('')).to.equal('ab\nc\n');
    expect(read.filter(text => text === '')).to.have.length(2);
  });

  it('says the byte and the line where text is not of its encoding', async () => {
    const broken = Buffer.concat([bytesOf('shift_jis', '名前\n山田\nか'), Buffer.from([0x81, 0x0a]), Buffer.from('x\n')]);
    const odd = bytesOf('utf-16le', 'a\nbc').subarray(0, 7);
    const lone = Buffer.concat([bytesOf('utf-16be', 'ab\nc'), Buffer.from([0xdc, 0x00, 0x00, 0x61])]);
    for (const sizes of [[1], [3], [1000]]) {
      const first = await fault(cut(broken, sizes), { encoding: 'shift_jis' });
      expect(first.code).to.equal('ENCODING_INVALID');
      expect(first.message).to.match(/^in\.csv:3: byte 12 is not shift_jis/);
      expect((await fault(cut(odd, sizes), { encoding: 'utf-16le' })).message).to.match(/^in\.csv:2: byte 6 is not utf-16le/);
      expect((await fault(cut(lone, sizes), { encoding: 'utf-16be' })).message).to.match(/^in\.csv:2: byte 8 is not utf-16be/);
    }
  });

  it('says that UTF-16 and UTF-32 that nobody named are no UTF-8', async () => {
    const wide = await fault([bytesOf('utf-16be', 'name,b\n1,2\n')]);
    expect(wide.code).to.equal('ENCODING_INVALID');
    expect(wide.message).to.include('in.csv:1: byte 0 is no UTF-8').and.to.include('?encoding=utf-16be');
    expect((await fault([Buffer.from('fffe000061000000', 'hex')])).message).to.include('UTF-32');
  });

  it('tells the likely encoding of what is no UTF-8', () => {
    const likely = (label: keyof typeof TEXTS): string => likelyEncoding(bytesOf(label, `id,name\n1,${TEXTS[label]}\n`));
    for (const label of ['utf-16le', 'utf-16be', 'windows-1252', 'windows-1251', 'shift_jis', 'euc-jp', 'euc-kr', 'gb18030'] as const) {
      const text = label.startsWith('utf-16') ? bytesOf(label, 'id,name\n1,Müller\n') : undefined;
      expect(text === undefined ? likely(label) : likelyEncoding(text), label).to.equal(label);
    }
    expect(likelyEncoding(Buffer.from('name\ncaf\xe9, stra\xdfe, \xc6\xd8\n', 'latin1'))).to.equal('latin1');
  });
});
