/**
 * Returns how many bytes longer the path of a Unix socket is than the system allows; 0 if it is not. Some versions of Node cut a
 * longer one without an error, and listen at another place.
 * @see `sun_path` in unix(7), which has 108 bytes with the final zero; in unix(4) of macOS, 104
 */
export function socketPathExcess(path: string, platform: NodeJS.Platform = process.platform): number {
  return Math.max(0, Buffer.byteLength(path) - (platform === 'darwin' ? 103 : 107));
}
