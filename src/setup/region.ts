import { linesOf, nameOf, sectionsIn } from '../credentials/lines.ts';

/**
 * Returns `~/.aws/config` with the region of a profile, and every other byte unchanged: in one more line below the header of
 * the profile, or in a new section at the end.
 * @param title the text between the brackets of the profile's header; undefined if there is none
 */
export function withRegion(bytes: Buffer, title: string | undefined, profile: string, region: string): Buffer {
  const text = bytes.toString('latin1');
  const end = /\r?\n/.exec(text)?.[0] ?? '\n';
  const section = sectionsIn(bytes).findLast((one) => title !== undefined && nameOf(bytes, one) === title);
  if (section) {
    const [header] = linesOf(bytes, section);
    if (!header) return bytes;
    const at = section.start + header.text.length + header.end.length;
    const line = `${header.end === '' ? end : ''}region = ${region}${header.end || end}`;
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(line, 'latin1'), bytes.subarray(at)]);
  }
  const gap = text === '' ? '' : `${/\n$/.test(text) ? '' : end}${end}`;
  const name = /^[\w.+=,@:/-]+$/.test(profile) ? profile : JSON.stringify(profile);
  const header = profile === 'default' ? '[default]' : `[profile ${name}]`;
  return Buffer.concat([bytes, Buffer.from(`${gap}${header}${end}region = ${region}${end}`, 'utf8')]);
}
