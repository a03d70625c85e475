/**
 * Prints, as JSON, what a screen reader finds in the windows of a program: `gjs -m accessible.js NAME`, for each part its role,
 * name, description, states and size. What is not on the screen is left out.
 */
import Atspi from 'gi://Atspi?version=2.0';

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

const desktop = Atspi.get_desktop(0);
const parts = [];
for (let index = 0; index < desktop.get_child_count(); index++) {
  const program = desktop.get_child_at_index(index);
  try {
    if (program?.get_name() === ARGV[0]) parts.push(...partsOf(program));
  } catch {
    // It has closed its window, or has ended, meanwhile.
  }
}
print(JSON.stringify(parts));
