/**
 * The window that asks for an MFA code, for JavaScript for Automation: `osascript -l JavaScript macos-window.js`. protocol.ts
 * describes what it reads and writes. Never run on a Mac.
 *
 * It is a floating panel that takes keys without making this program the active one: since macOS 14, a program in the background
 * cannot do that. The panel may still be without the focus until the user clicks into it.
 */

ObjC.import('AppKit');
ObjC.import('stdlib');
ObjC.bindFunction('flock', ['int', ['int', 'int']]);

/** NSWindowStyleMask: titled, closable, nonactivating panel. */
const STYLE = 1 | 2 | 128;
/** NSWindowCollectionBehavior: on all spaces, also beside a window that fills the screen. */
const EVERYWHERE = 1 | 256;
const FLOATING = 3;
const WIDTH = 340;
const VERTICAL = 1;
const HORIZONTAL = 0;
/** NSLayoutAttribute: how a stack aligns its views across its own direction. */
const CENTER_X = 9;
const CENTER_Y = 10;
/** Its number differs between Apple silicon and Intel. */
const CENTER_TEXT = $.NSTextAlignmentCenter ?? 1;
const BAR = 0;
const SPINNING = 1;
/** NSBezelStyle: rounded. */
const ROUNDED = 1;
/** flock(2): LOCK_EX | LOCK_NB. */
const LOCK_NOW = 2 | 4;

/** Seconds between two looks at what changes with time. */
const TICK = 0.5;
/** Milliseconds after which a result lets the next window open. */
const RESULT_TIME = 2_000;

const application = $.NSApplication.sharedApplication;
// NSApplicationActivationPolicyAccessory: no icon in the Dock.
application.setActivationPolicy(1);

const input = $.NSFileHandle.fileHandleWithStandardInput;
const output = $.NSFileHandle.fileHandleWithStandardOutput;
const errors = $.NSFileHandle.fileHandleWithStandardError;

let question;
/** How far AWS's clock is ahead of this machine's. */
let ahead = 0;
/** The number of the question that was answered. */
let answered;
let isOpen = false;
let isOver = false;
/** When the window closes by itself, and when the next one may open, by this machine's clock. */
let closesAt = Number.POSITIVE_INFINITY;
let letsGoAt = Number.POSITIVE_INFINITY;
/** The file whose lock a window that opens by itself holds. */
let turn;
let received = $.NSMutableData.alloc.init;

const heading = label({ bold: true });
const sessionBar = bar();
const device = label();
const field = $.NSTextField.alloc.initWithFrame($.NSMakeRect(0, 0, WIDTH, 34));
field.font = $.NSFont.monospacedDigitSystemFontOfSizeWeight(24, 0);
field.alignment = CENTER_TEXT;
// Return in the field. The button does not get it as long as it is off.
field.action = 'submit:';
field.cell.sendsActionOnEndEditing = false;
const codeBar = bar();
const nextCode = label({ small: true, centered: true });
const spinner = $.NSProgressIndicator.alloc.init;
spinner.style = SPINNING;
spinner.controlSize = 1;
spinner.displayedWhenStopped = false;
const status = label({ centered: true });
// It has the spinner beside it.
status.preferredMaxLayoutWidth = WIDTH - 22;
const snooze = button('snooze:', '');
const submit = button('submit:', '\r');
// A button that is not seen: it gives the Escape key a meaning.
const escapeKey = button('close:', '\u001b');
escapeKey.transparent = true;
escapeKey.title = '';
const result = label({ centered: true });
const done = button('close:', '\r');

// A field and a bar have no width of their own, and a stack gives them none.
for (const view of [heading, sessionBar, device, field, codeBar, nextCode, result]) {
  view.widthAnchor.constraintEqualToConstant(WIDTH).active = true;
}
const questionPage = stack(VERTICAL, 10, CENTER_X, [
  ...[heading, sessionBar, device, field, codeBar, nextCode],
  stack(HORIZONTAL, 6, CENTER_Y, [spinner, status]),
  stack(HORIZONTAL, 10, CENTER_Y, [escapeKey, snooze, submit]),
]);
const resultPage = stack(VERTICAL, 14, CENTER_X, [result, done]);

const panel = $.NSPanel.alloc.initWithContentRectStyleMaskBackingDefer(
  $.NSMakeRect(0, 0, WIDTH + 40, 200),
  STYLE,
  2,
  false,
);
panel.releasedWhenClosed = false;
panel.hidesOnDeactivate = false;
panel.becomesKeyOnlyIfNeeded = false;
panel.level = FLOATING;
panel.collectionBehavior = EVERYWHERE;

listen();
invoke(application, 'run');

function listen() {
  const methods = {
    'controlTextDidChange:': typed,
    'submit:': pressedReturn,
    'snooze:': () => {
      if (isAsking()) answer({ answer: 'snooze', id: question.id });
    },
    'close:': () => invoke(panel, 'close'),
    'windowWillClose:': closed,
    'tick:': tick,
    'received:': receive,
  };
  ObjC.registerSubclass({
    name: 'AwsMfaAgentWindow',
    methods: Object.fromEntries(
      Object.entries(methods).map(([name, act]) => [
        name,
        { types: ['void', ['id']], implementation: () => guarded(act) },
      ]),
    ),
  });
  const handler = $.AwsMfaAgentWindow.alloc.init;
  field.delegate = handler;
  panel.delegate = handler;
  for (const one of [field, snooze, submit, escapeKey, done]) one.target = handler;
  addEditMenu();
  $.NSNotificationCenter.defaultCenter.addObserverSelectorNameObject(
    handler,
    'received:',
    'NSFileHandleDataAvailableNotification',
    input,
  );
  invoke(input, 'waitForDataInBackgroundAndNotify');
  $.NSTimer.scheduledTimerWithTimeIntervalTargetSelectorUserInfoRepeats(TICK, handler, 'tick:', $(), true);
}

/**
 * Calls a method that takes and returns nothing. The bridge calls it when it is named; with some versions of macOS, people have seen
 * that it then only returns it.
 */
function invoke(object, method) {
  const returned = object[method];
  if (typeof returned === 'function') returned.call(object);
}

/** Runs a handler. The window may show no usable prompt after a fault: it ends, and the program asks in another way. */
function guarded(act) {
  try {
    act();
  } catch (error) {
    errors.writeData(encoded(`${error.message}\n`));
    $.exit(1);
  }
}

/** Keys such as Command-V work only where a menu has them. */
function addEditMenu() {
  const edit = $.NSMenu.alloc.initWithTitle('Edit');
  for (const [title, action, key] of [
    ['Cut', 'cut:', 'x'],
    ['Copy', 'copy:', 'c'],
    ['Paste', 'paste:', 'v'],
    ['Select All', 'selectAll:', 'a'],
  ]) {
    edit.addItem($.NSMenuItem.alloc.initWithTitleActionKeyEquivalent(title, action, key));
  }
  const item = $.NSMenuItem.alloc.init;
  item.submenu = edit;
  const menu = $.NSMenu.alloc.initWithTitle('');
  menu.addItem(item);
  application.mainMenu = menu;
}

/** Reads what the program has written: whole lines. */
function receive() {
  const data = input.availableData;
  if (Number(data.length) === 0) {
    if (!isOver) $.exit(0);
    return;
  }
  received.appendData(data);
  const text = ObjC.unwrap($.NSString.alloc.initWithDataEncoding(received, $.NSUTF8StringEncoding));
  // A character or a line may come in two parts.
  if (typeof text === 'string' && text.endsWith('\n')) {
    received = $.NSMutableData.alloc.init;
    for (const line of text.split('\n')) if (line !== '') take(JSON.parse(line));
  }
  invoke(input, 'waitForDataInBackgroundAndNotify');
}

function take(request) {
  if (isOver) return;
  if (request.show === 'question') ask(request);
  else if (request.show === 'checking') check(request);
  else if (request.show === 'result') end(request);
}

function ask(asked) {
  const isFirst = question === undefined;
  const isNew = question?.id !== asked.id;
  const hasOtherProblem = isNew || question.problem !== asked.problem;
  question = asked;
  ahead = asked.now - Date.now();
  const { words } = asked;
  panel.title = asked.title;
  heading.stringValue = asked.heading;
  device.stringValue = asked.device;
  submit.title = words.submit;
  snooze.title = words.snooze;
  done.title = words.close;
  nameFor(field, asked.device);
  nameFor(sessionBar, words.sessionLeft);
  nameFor(codeBar, words.codeLeft);
  nameFor(escapeKey, words.close);
  if (isNew) {
    answered = undefined;
    field.stringValue = '';
    setBusy(false);
  }
  // What the window itself said of a text that is not a code stays when only the times change.
  if (hasOtherProblem && isAsking()) setStatus(asked.problem, asked.problem !== '');
  update();
  if (isFirst) openInTurn();
  else if (!isOpen && !asked.byItself) present();
  else if (isOpen && asked.raise) show();
  if (isNew && isOpen) panel.makeFirstResponder(field);
}

/** Opens the window, or waits until the one that opened by itself has let go. */
function openInTurn() {
  if (question.byItself && !getTurn()) say({ answer: 'waiting' });
  else present();
}

/**
 * Takes the turn of the windows of this user that open by themselves: the lock on a file in the user's own temporary folder. The
 * system releases it when the process ends.
 */
function getTurn() {
  const path = `${ObjC.unwrap($.NSTemporaryDirectory())}aws-mfa-agent.window`;
  const files = $.NSFileManager.defaultManager;
  if (!files.fileExistsAtPath(path)) files.createFileAtPathContentsAttributes(path, $.NSData.data, $());
  turn = turn ?? $.NSFileHandle.fileHandleForWritingAtPath(path);
  // Without the file, the window opens at once.
  return turn.isNil() || $.flock(turn.fileDescriptor, LOCK_NOW) === 0;
}

function present() {
  isOpen = true;
  panel.contentView = questionPage;
  resize();
  invoke(panel, 'center');
  show();
  panel.makeFirstResponder(field);
  say({ answer: 'ready' });
}

/** Brings the window to the front. Whether it also gets the keys is up to macOS. */
function show() {
  invoke(panel, 'orderFrontRegardless');
  invoke(panel, 'makeKeyWindow');
}

function check({ text }) {
  if (isAsking()) return;
  spinner.startAnimation($());
  setStatus(text, false);
}

function end({ text, good, seconds }) {
  isOver = true;
  closesAt = Date.now() + seconds * 1000;
  letsGoAt = Date.now() + RESULT_TIME;
  result.stringValue = `${good ? '✓' : '⚠︎'} ${text}`;
  done.hidden = good;
  panel.contentView = resultPage;
  resize();
  announce(text);
}

function closed() {
  if (!isOver) say({ answer: 'closed' });
  $.exit(0);
}

function isAsking() {
  return !isOver && question !== undefined && answered !== question.id;
}

function typed() {
  const text = ObjC.unwrap(field.stringValue);
  const code = codeIn(text);
  submit.enabled = code !== undefined;
  if (text !== '') field.textColor = $.NSColor.controlTextColor;
  if (code !== undefined && isAsking()) answer({ answer: 'code', id: question.id, code });
}

function pressedReturn() {
  if (!isAsking()) return;
  const code = codeIn(ObjC.unwrap(field.stringValue));
  if (code === undefined) setStatus(question.words.notSixDigits, true);
  else answer({ answer: 'code', id: question.id, code });
}

function answer(given) {
  answered = given.id;
  setBusy(true);
  say(given);
}

function setBusy(isBusy) {
  field.editable = !isBusy;
  snooze.enabled = !isBusy;
  submit.enabled = !isBusy && codeIn(ObjC.unwrap(field.stringValue)) !== undefined;
  if (!isBusy) spinner.stopAnimation($());
}

function setStatus(text, isProblem) {
  if (ObjC.unwrap(status.stringValue) !== text) announce(text);
  status.stringValue = text;
  status.textColor = isProblem ? $.NSColor.systemRedColor : $.NSColor.secondaryLabelColor;
  field.textColor = isProblem ? $.NSColor.systemRedColor : $.NSColor.controlTextColor;
  if (isOpen) resize();
}

function tick() {
  const now = Date.now();
  if (now >= letsGoAt && turn) {
    invoke(turn, 'closeFile');
    turn = undefined;
  }
  if (now >= closesAt) invoke(panel, 'close');
  if (question === undefined || isOver) return;
  if (isOpen) update();
  else if (getTurn()) present();
}

/** Updates the parts that change with time. */
function update() {
  const { session, codeStep, words } = question;
  const now = Date.now() + ahead;
  sessionBar.hidden = session === undefined;
  if (session)
    sessionBar.doubleValue = Math.min(1, Math.max(0, (session.until - now) / (session.until - session.from)));
  const left = codeStep - (now % codeStep);
  codeBar.doubleValue = left / codeStep;
  nextCode.stringValue = words.nextCode.replace('{seconds}', String(Math.ceil(left / 1000)));
}

/** Makes the window as large as its content. */
function resize() {
  panel.setContentSize(panel.contentView.fittingSize);
}

/** Gives a part of the window a name for VoiceOver. */
function nameFor(view, text) {
  try {
    view.setAccessibilityLabel(text);
  } catch {
    // The window can be used without.
  }
}

/**
 * Has VoiceOver say a text.
 * @see AXNotificationConstants.h for the names
 */
function announce(text) {
  if (text === '') return;
  const words = $({ AXAnnouncementKey: text, AXPriorityKey: 50 });
  try {
    $.NSAccessibilityPostNotificationWithUserInfo(application, 'AXAnnouncementRequested', words);
  } catch {
    // The window shows the text.
  }
}

function say(given) {
  output.writeData(encoded(`${JSON.stringify(given)}\n`));
}

function encoded(text) {
  return $(text).dataUsingEncoding($.NSUTF8StringEncoding);
}

/** Returns the six digits in a typed or pasted text, or undefined. */
function codeIn(text) {
  const digits = text.normalize('NFKC').replace(/[\s\p{Pd}\p{Cf}\u2212]/gu, '');
  return /^[0-9]{6}$/.test(digits) ? digits : undefined;
}

function label({ bold = false, small = false, centered = false } = {}) {
  const made = $.NSTextField.wrappingLabelWithString('');
  made.preferredMaxLayoutWidth = WIDTH;
  made.selectable = false;
  if (bold) made.font = $.NSFont.boldSystemFontOfSize(13);
  if (small) made.font = $.NSFont.systemFontOfSize(11);
  if (centered) made.alignment = CENTER_TEXT;
  return made;
}

function bar() {
  const made = $.NSProgressIndicator.alloc.init;
  made.style = BAR;
  made.indeterminate = false;
  made.minValue = 0;
  made.maxValue = 1;
  return made;
}

function button(action, key) {
  const made = $.NSButton.alloc.init;
  made.bezelStyle = ROUNDED;
  made.action = action;
  made.keyEquivalent = key;
  return made;
}

function stack(orientation, spacing, alignment, views) {
  const made = $.NSStackView.stackViewWithViews($(views));
  made.orientation = orientation;
  made.spacing = spacing;
  made.alignment = alignment;
  if (orientation === VERTICAL) {
    try {
      made.edgeInsets = { top: 16, left: 20, bottom: 16, right: 20 };
    } catch {
      // The window can be used without a margin.
    }
    made.widthAnchor.constraintEqualToConstant(WIDTH + 40).active = true;
  }
  return made;
}
