/**
 * Prints, as JSON, what a screen reader finds in the windows of a program: `gjs -m accessible.js NAME`, for each part its role,
 * name, description, states and size. What is not on the screen is left out. With a regular expression as second argument, it
 * says that it looks, looks again and again, and prints the first name that matches.
 */
import Atspi from 'gi://Atspi?version=2.0';
import GLib from 'gi://GLib';

Atspi.init();

function* partsOf(accessible) {
  const states = accessible.get_state_set();
  const has = (name) => states.contains(Atspi.StateType[name]);
  const { width = 0, height = 0 } = accessible.get_component_iface()?.get_extents(Atspi.CoordType.WINDOW) ?? {};
  yield {
    role: accessible.get_role_name(),
    name: accessible.get_name(),
    description: accessible.get_description(),
    focused: has('FOCUSED'),
    sensitive: has('SENSITIVE'),
    width,
    height,
  };
  for (let index = 0; index < accessible.get_child_count(); index++) {
    const child = accessible.get_child_at_index(index);
    if (child) yield* partsOf(child);
  }
}

/** Each name alone, which takes a fraction of the time. */
function* namesOf(accessible) {
  yield accessible.get_name();
  for (let index = 0; index < accessible.get_child_count(); index++) {
    const child = accessible.get_child_at_index(index);
    if (child) yield* namesOf(child);
  }
}

/** @param read what is read of each window */
function look(read) {
  const desktop = Atspi.get_desktop(0);
  const found = [];
  for (let index = 0; index < desktop.get_child_count(); index++) {
    const program = desktop.get_child_at_index(index);
    try {
      if (program?.get_name() !== ARGV[0]) continue;
      // What it remembers of an earlier look may be old.
      program.clear_cache();
      found.push(...read(program));
    } catch {
      // It has closed its window, or has ended, meanwhile.
    }
  }
  return found;
}

if (ARGV.length < 2) {
  print(JSON.stringify(look(partsOf)));
} else {
  const wanted = new RegExp(ARGV[1]);
  const loop = new GLib.MainLoop(null, false);
  let looks = 0;
  GLib.timeout_add(GLib.PRIORITY_DEFAULT, 20, () => {
    const found = look(namesOf).find((name) => wanted.test(name));
    if (looks++ === 0) print('looking');
    if (found === undefined) return GLib.SOURCE_CONTINUE;
    print(`found: ${found}`);
    loop.quit();
    return GLib.SOURCE_REMOVE;
  });
  loop.run();
}
