// A stand-in for osascript. `-l JavaScript FILE` runs the script with as much of the Objective-C bridge as its logic needs: it draws
// nothing, and gives no proof that AppKit takes what the script says. A test is its user, by lines of JSON on the socket
// `$MAC/script PID`. `-e SCRIPT …` notes the words in `$MAC/applescripts` and does what the shell script `$MAC/applescript` does.
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import vm from 'node:vm';

const { MAC } = process.env;
const [option, ...words] = process.argv.slice(2);
if (option === '-e') {
  appendFileSync(join(MAC, 'applescripts'), `${JSON.stringify(words)}\n`);
  const behaviour = join(MAC, 'applescript');
  if (!existsSync(behaviour)) process.exit();
  process.exit(spawnSync('sh', [behaviour, ...words], { stdio: 'inherit' }).status ?? 1);
}

const text = (value) => (value instanceof Text ? value.js : String(value));
const NIL = { isNil: () => true };

class Thing {
  isNil = () => false;
  constructor(kind) {
    this.kind = kind;
  }
}

class Text extends Thing {
  constructor(js) {
    super('NSString');
    this.js = js;
  }
  dataUsingEncoding = () => new Data(Buffer.from(this.js));
}

class Data extends Thing {
  constructor(bytes) {
    super('NSData');
    this.bytes = bytes;
  }
  get length() {
    return this.bytes.length;
  }
  appendData({ bytes }) {
    this.bytes = Buffer.concat([this.bytes, bytes]);
  }
}

class Center extends Thing {
  observers = [];
  addObserverSelectorNameObject(observer, selector, name) {
    this.observers.push({ observer, selector, name: text(name) });
  }
  addObserverSelectorNameObjectSuspensionBehavior(observer, selector, name, _object, behavior) {
    // AppKit delivers nothing else to a program in the background.
    if (behavior === 4) this.addObserverSelectorNameObject(observer, selector, name);
  }
  post(name) {
    for (const one of this.observers) if (one.name === name) one.observer[one.selector]({ name: new Text(name) });
  }
}

const centers = { local: new Center('center'), workspace: new Center('center'), distributed: new Center('center') };

/** Standard input. */
class Input extends Thing {
  #chunks = [];
  #isOver = false;
  #wanted;
  constructor() {
    super('NSFileHandle');
    process.stdin.on('data', (chunk) => this.#take(chunk));
    process.stdin.on('end', () => this.#take(undefined));
  }
  #take(chunk) {
    if (chunk) this.#chunks.push(chunk);
    else this.#isOver = true;
    this.#deliver();
  }
  #deliver() {
    if (this.#wanted === 'data' && (this.#chunks.length > 0 || this.#isOver)) this.#post('NSFileHandleDataAvailable');
    else if (this.#wanted === 'end' && this.#isOver) this.#post('NSFileHandleReadToEndOfFileCompletion');
  }
  #post(name) {
    this.#wanted = undefined;
    centers.local.post(`${name}Notification`);
  }
  get availableData() {
    return new Data(this.#chunks.shift() ?? Buffer.alloc(0));
  }
  get waitForDataInBackgroundAndNotify() {
    this.#wanted = 'data';
    setImmediate(() => this.#deliver());
    return undefined;
  }
  get readToEndOfFileInBackgroundAndNotify() {
    this.#wanted = 'end';
    setImmediate(() => this.#deliver());
    return undefined;
  }
}

class Output extends Thing {
  constructor(fd) {
    super('NSFileHandle');
    this.fd = fd;
  }
  writeData = ({ bytes }) => writeSync(this.fd, bytes);
}

/** A view or a control: what is set stays. */
class View extends Thing {
  #string = '';
  isSpinning = false;
  width = 0;
  cell = {};
  #orientation = 0;
  #alignment;
  widthAnchor = {
    constraintEqualToConstant: (width) =>
      Object.defineProperty({}, 'active', {
        set: () => {
          this.width = width;
        },
      }),
  };
  fittingSize = { width: 380, height: 240 };
  set stringValue(value) {
    this.#string = text(value);
  }
  get stringValue() {
    return new Text(this.#string);
  }
  set orientation(orientation) {
    this.#orientation = orientation;
  }
  /** A stack aligns its views across its direction: a row by top, bottom, center y or a baseline, a column by the others. */
  set alignment(alignment) {
    const isForRow = [3, 4, 10, 11, 12].includes(alignment);
    if (this.kind === 'NSStackView' && isForRow === (this.#orientation === 1))
      throw new Error(`NSStackView: alignment ${alignment}`);
    this.#alignment = alignment;
  }
  get alignment() {
    return this.#alignment;
  }
  startAnimation() {
    this.isSpinning = true;
  }
  stopAnimation() {
    this.isSpinning = false;
  }
  addItem() {}
  setAccessibilityLabel(name) {
    this.accessibilityLabel = name;
  }
}

let panel;
class Panel extends View {
  isVisible = false;
  raised = 0;
  constructor() {
    super('NSPanel');
    panel = this;
  }
  get center() {
    return undefined;
  }
  // Both ways in which the bridge was seen to call a method without arguments.
  orderFrontRegardless() {
    this.isVisible = true;
    this.raised += 1;
  }
  get makeKeyWindow() {
    return undefined;
  }
  get close() {
    this.isVisible = false;
    this.delegate['windowWillClose:']({});
    return undefined;
  }
  makeFirstResponder(view) {
    this.focus = view;
  }
  setContentSize() {}
}

/** A file whose lock only one process has. */
class LockFile extends Thing {
  constructor(path) {
    super('NSFileHandle');
    this.fileDescriptor = { path: `${path}.held` };
  }
  get closeFile() {
    rmSync(this.fileDescriptor.path, { force: true });
    return undefined;
  }
}

function flock({ path }, how) {
  if (how !== 6) throw new Error(`flock: ${how}`);
  const holder = existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
  if (holder === process.pid) return 0;
  if (holder && existsSync(`/proc/${holder}`)) return -1;
  writeFileSync(path, String(process.pid));
  return 0;
}

const announced = [];
const made = (Kind, kind) => ({
  get alloc() {
    const one = () => new Kind(kind);
    return {
      get init() {
        return one();
      },
      ...Object.fromEntries(
        [
          'initWithFrame',
          'initWithContentRectStyleMaskBackingDefer',
          'initWithTitle',
          'initWithTitleActionKeyEquivalent',
        ].map((name) => [name, (...given) => Object.assign(one(), { given })]),
      ),
    };
  },
});
const font = () => new Thing('NSFont');

const $ = Object.assign(
  (value) => (value === undefined ? NIL : typeof value === 'string' ? new Text(value) : { value }),
  {
    NSUTF8StringEncoding: 4,
    NSTextAlignmentCenter: 1,
    NSString: {
      alloc: { initWithDataEncoding: ({ bytes }) => new Text(bytes.toString('utf8')) },
    },
    NSData: { data: new Data(Buffer.alloc(0)) },
    NSMutableData: {
      alloc: {
        get init() {
          return new Data(Buffer.alloc(0));
        },
      },
    },
    NSFileHandle: {
      fileHandleWithStandardInput: new Input(),
      fileHandleWithStandardOutput: new Output(1),
      fileHandleWithStandardError: new Output(2),
      fileHandleForWritingAtPath: (path) => new LockFile(path),
    },
    NSFileManager: { defaultManager: { fileExistsAtPath: () => true } },
    NSTemporaryDirectory: () => new Text(`${process.env.TMPDIR ?? tmpdir()}/`),
    NSNotificationCenter: { defaultCenter: centers.local },
    NSDistributedNotificationCenter: { defaultCenter: centers.distributed },
    NSWorkspace: { sharedWorkspace: { notificationCenter: centers.workspace } },
    NSApplication: {
      sharedApplication: {
        setActivationPolicy(policy) {
          this.policy = policy;
        },
        get run() {
          return undefined;
        },
      },
    },
    NSTimer: {
      scheduledTimerWithTimeIntervalTargetSelectorUserInfoRepeats: (seconds, target, selector) =>
        setInterval(() => target[selector]({}), seconds * 1000),
    },
    NSPanel: made(Panel),
    NSButton: made(View, 'NSButton'),
    NSProgressIndicator: made(View, 'NSProgressIndicator'),
    NSMenu: made(View, 'NSMenu'),
    NSMenuItem: made(View, 'NSMenuItem'),
    NSTextField: { ...made(View, 'NSTextField'), wrappingLabelWithString: () => new View('label') },
    NSStackView: { stackViewWithViews: ({ value }) => Object.assign(new View('NSStackView'), { views: value }) },
    NSFont: { monospacedDigitSystemFontOfSizeWeight: font, boldSystemFontOfSize: font, systemFontOfSize: font },
    NSColor: { controlTextColor: 'normal', systemRedColor: 'red', secondaryLabelColor: 'grey' },
    NSMakeRect: (x, y, width, height) => ({ x, y, width, height }),
    NSAccessibilityPostNotificationWithUserInfo: (_element, _name, { value }) => {
      if (typeof value.AXPriorityKey === 'number') announced.push(value.AXAnnouncementKey);
    },
    exit: (status) => process.exit(status),
    flock,
  },
);
const ObjC = {
  import() {},
  bindFunction() {},
  unwrap: (value) => (value instanceof Text ? value.js : value === NIL ? undefined : value),
  registerSubclass({ name, methods }) {
    const object = new Thing(name);
    for (const [selector, method] of Object.entries(methods)) object[selector] = method.implementation ?? method;
    $[name] = { alloc: { init: object } };
  },
};

/** Everything in the window that is not hidden. */
function seen(view = panel?.contentView) {
  if (!view || view.hidden) return [];
  return view.views ? view.views.flatMap((one) => seen(one)) : [view];
}

/** What a test does as the user, or as macOS. */
const ACTS = {
  post: (name) => {
    for (const center of Object.values(centers)) center.post(name);
  },
  type: (typed) => {
    const field = panel.focus;
    if (field?.editable === false) return;
    field.stringValue = typed;
    field.delegate['controlTextDidChange:']({});
  },
  press: (key) => {
    // A field with an action takes the Return key before any button gets it.
    const { focus } = panel;
    if (key === '\r' && seen().includes(focus) && focus.editable !== false && focus.action && focus.target)
      focus.target[focus.action](focus);
    const isIt = (one) => one.kind === 'NSButton' && (one.title === key || one.keyEquivalent === key);
    const button = seen().find(isIt);
    if (button && button.enabled !== false) button.target[button.action](button);
  },
  close: () => panel.close,
  look: () => {},
};

function snapshot() {
  if (!panel) return { isVisible: false };
  const views = seen();
  const of = (kind) => views.filter((view) => view.kind === kind);
  const bars = of('NSProgressIndicator').filter(({ style }) => style === 0);
  return {
    isVisible: panel.isVisible,
    raised: panel.raised,
    level: panel.level,
    title: panel.title,
    texts: of('label')
      .map(({ stringValue }) => stringValue.js)
      .filter((one) => one !== ''),
    red: of('label')
      .filter(({ textColor }) => textColor === 'red')
      .map(({ stringValue }) => stringValue.js),
    field: of('NSTextField').map(({ stringValue }) => stringValue.js),
    /** Parts that have no width, and so are not seen. */
    unseen: [...of('NSTextField'), ...bars].filter(({ width }) => width === 0).length,
    hasFocus: panel.focus?.kind === 'NSTextField',
    buttons: of('NSButton')
      .filter(({ transparent }) => !transparent)
      .map(({ title, enabled }) => [title, enabled !== false]),
    bars: bars.map(({ doubleValue }) => doubleValue),
    names: [...of('NSTextField'), ...bars].map(({ accessibilityLabel }) => accessibilityLabel),
    isSpinning: of('NSProgressIndicator').some(({ isSpinning }) => isSpinning),
    announced,
  };
}

const socket = join(MAC, `script ${process.pid}`);
createServer((user) => {
  createInterface(user).on('line', (line) => {
    const [[act, given]] = Object.entries(JSON.parse(line));
    ACTS[act](given);
    user.write(`${JSON.stringify(snapshot())}\n`);
  });
}).listen(socket);
process.on('exit', () => rmSync(socket, { force: true }));

const [, file] = words;
vm.runInNewContext(readFileSync(file, 'utf8'), { ObjC, $, setInterval }, { filename: file });
