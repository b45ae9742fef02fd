/**
 * The one form of tar header an archive has (POSIX ustar, regular files, owner-readable). Name, size and time determine every
 * byte, so a reader compares instead of interpreting: no links, no sparse files, no long-name extensions, and no byte to spare.
 */
export const blockBytes = 512;

export interface TarHeader {
  name: string;
  /** Bytes of content. */
  size: number;
  /** Seconds since 1970. */
  mtime: number;
}

const field = { name: [0, 100], size: [124, 12], mtime: [136, 12], checksum: [148, 8] } as const;
const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, "0");

/** Bytes of padding after content of that size. */
export const paddingAfter = (size: number): number => (blockBytes - (size % blockBytes)) % blockBytes;

const zeros = Buffer.alloc(blockBytes);

/** The padding after content of that size; never to be written to. */
export const tarPadding = (size: number): Buffer => zeros.subarray(0, paddingAfter(size));

/** What ends the archive: two empty blocks. */
export const trailerBytes = 2 * blockBytes;
/** The same; never to be written to. */
export const trailer: Buffer = Buffer.alloc(trailerBytes);

/** What all headers share: mode, user and group (nobody's in particular), the checksum's place as blanks, kind and format. */
const template = Buffer.alloc(blockBytes);
template.write("0000600\0" + "0000000\0" + "0000000\0", 100, "latin1");
template.write("        ", field.checksum[0], "latin1");
template.write("0", 156, "latin1");
template.write("ustar\u000000", 257, "latin1");
const sumOf = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => sum + byte, 0);
const templateSum = sumOf(template);

export function encodeTarHeader({ name, size, mtime }: TarHeader): Buffer {
  const block = Buffer.allocUnsafe(blockBytes);
  block.set(template);
  block.write(name, 0, field.name[1], "latin1");
  block.write(`${octal(size, 11)}\0${octal(mtime, 11)}\0`, field.size[0], "latin1");
  let sum = templateSum;
  for (let at = 0; at < name.length && at < field.name[1]; at += 1) sum += block[at] ?? 0;
  for (let at = field.size[0]; at < field.checksum[0]; at += 1) sum += block[at] ?? 0;
  block.write(`${octal(sum, 6)}\0 `, field.checksum[0], "latin1");
  return block;
}

/** Undefined for a block that is not exactly what `encodeTarHeader` writes. */
export function decodeTarHeader(block: Buffer): TarHeader | undefined {
  const text = ([start, length]: readonly [number, number]): string => {
    const zero = block.indexOf(0, start);
    return block.toString("latin1", start, zero === -1 ? start + length : Math.min(zero, start + length));
  };
  const number = (place: readonly [number, number]): number =>
    /^[0-7]{11}$/.test(text(place)) ? Number.parseInt(text(place), 8) : 0;
  const header = { name: text(field.name), size: number(field.size), mtime: number(field.mtime) };
  return encodeTarHeader(header).equals(block) ? header : undefined;
}
