import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { within } from '../within.ts';

/**
 * Closes a window as the button in its title bar does: by the message that a window manager sends. There is none on
 * the tests' screen, and xdotool can only destroy a window.
 * @param display as in `DISPLAY`, on this machine and without authorization
 * @see https://www.x.org/releases/X11R7.7/doc/xproto/x11protocol.html for the requests, ICCCM 4.2.8.1 for the message
 */
export async function closeWindow(display: string, window: number): Promise<void> {
  const socket = connect(`/tmp/.X11-unix/X${display.replace(':', '')}`);
  try {
    // Little-endian, protocol 11.0, no authorization.
    socket.write(Buffer.from([0x6c, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    const answer = await take(socket, 8);
    await take(socket, answer.readUInt16LE(6) * 4);
    const protocols = await atom(socket, 'WM_PROTOCOLS');
    const deletion = await atom(socket, 'WM_DELETE_WINDOW');
    const message = Buffer.alloc(44);
    message.writeUInt8(25, 0); // SendEvent
    message.writeUInt16LE(11, 2);
    message.writeUInt32LE(window, 4);
    message.writeUInt8(33, 12); // ClientMessage
    message.writeUInt8(32, 13);
    message.writeUInt32LE(window, 16);
    message.writeUInt32LE(protocols, 20);
    message.writeUInt32LE(deletion, 24);
    socket.write(message);
    // Answered after the message has been passed on.
    await atom(socket, 'WM_PROTOCOLS');
  } finally {
    socket.destroy();
  }
}

async function atom(socket: Socket, name: string): Promise<number> {
  const padded = Math.ceil(name.length / 4) * 4;
  const request = Buffer.alloc(8 + padded);
  request.writeUInt8(16, 0); // InternAtom
  request.writeUInt16LE(2 + padded / 4, 2);
  request.writeUInt16LE(name.length, 4);
  request.write(name, 8, 'latin1');
  socket.write(request);
  return (await take(socket, 32)).readUInt32LE(8);
}

async function take(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const chunk: Buffer | null = socket.read(length);
    if (chunk) return chunk;
    await within(`${length} bytes of the X server`, once(socket, 'readable'));
  }
}
