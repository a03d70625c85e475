/**
 * The window that asks for an MFA code, for GJS with GTK 4: `gjs -m gtk-window.js`. With libadwaita it looks like GNOME's own
 * dialogs. protocol.ts describes what it reads and writes.
 *
 * GTK 4.6 and GJS 1.72 (Ubuntu 22.04) are enough.
 */

import Gdk from 'gi://Gdk?version=4.0';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Gtk from 'gi://Gtk?version=4.0';
import Pango from 'gi://Pango';
import { exit } from 'system';

const Adw = await load('Adw', '1');
// Newer versions of GLib have the streams in a library of their own, and complain about the old place.
const Unix = await load('GioUnix', '2.0');
const InputStream = Unix ? Unix.InputStream : Gio.UnixInputStream;
const OutputStream = Unix ? Unix.OutputStream : Gio.UnixOutputStream;

const loop = new GLib.MainLoop(null, false);
const output = OutputStream.new(1, false);

GLib.set_prgname('aws-mfa-agent');
if (Adw) Adw.init();
else Gtk.init();
if (!Adw) followDarkMode();

/** Returns a library of the desktop, or undefined if it is not installed. */
async function load(name, version) {
  try {
    return (await import(`gi://${name}?version=${version}`)).default;
  } catch {
    return undefined;
  }
}

try {
  // The window outlives the bus.
  Gio.DBus.session.exit_on_close = false;
} catch {
  // There is no bus.
}

/** Asks the desktop whether its user wants dark windows, as libadwaita does. */
function followDarkMode() {
  const words = new GLib.Variant('(ss)', ['org.freedesktop.appearance', 'color-scheme']);
  const portal = [
    'org.freedesktop.portal.Desktop',
    '/org/freedesktop/portal/desktop',
    'org.freedesktop.portal.Settings',
  ];
  const take = (bus, result) => {
    try {
      const [scheme] = bus.call_finish(result).recursiveUnpack();
      if (scheme === 1) Gtk.Settings.get_default().gtk_application_prefer_dark_theme = true;
    } catch {
      // This desktop does not say. GTK follows its theme.
    }
  };
  try {
    Gio.DBus.session.call(...portal, 'Read', words, null, Gio.DBusCallFlags.NONE, 2_000, null, take);
  } catch {
    // There is no bus.
  }
}

/** The owner of this name is the prompt that opened by itself: this window, or a dialog (`desktop/turn.ts`). */
const BUS_NAME = 'aws_mfa_agent.Window';

/** Milliseconds after which a result lets the next window open. */
const RESULT_TIME = 2_000;

const CENTERED = { xalign: 0.5, justify: Gtk.Justification.CENTER };

const STYLE = `
  .code { font-size: 1.8em; font-feature-settings: "tnum"; letter-spacing: 0.25em; padding: 0.15em 0.4em; }
  .heading-line { font-weight: bold; }
  .small { font-size: 0.9em; }
  .problem { font-weight: bold; }
`;

/** The parts of the window, and what they show. */
class CodeWindow {
  #question;
  /** How far AWS's clock is ahead of this machine's. */
  #ahead = 0;
  /** The number of the question that was answered. */
  #answered;
  #isOver = false;

  constructor() {
    this.heading = label({ css_classes: ['heading-line'] });
    this.sessionBar = new Gtk.ProgressBar({ accessible_role: Gtk.AccessibleRole.METER });
    this.device = label();
    this.field = new Gtk.Entry({
      input_purpose: Gtk.InputPurpose.DIGITS,
      input_hints: Gtk.InputHints.NO_SPELLCHECK | Gtk.InputHints.NO_EMOJI | Gtk.InputHints.PRIVATE,
      xalign: 0.5,
      width_chars: 10,
      activates_default: false,
      css_classes: ['code'],
    });
    // A screen reader would read out each step of a progress bar.
    this.codeBar = new Gtk.ProgressBar({ accessible_role: Gtk.AccessibleRole.METER });
    this.nextCode = label({ css_classes: ['small', 'dim-label'], ...CENTERED });
    this.spinner = new Gtk.Spinner({ visible: false });
    this.status = label({ accessible_role: Gtk.AccessibleRole.STATUS, width_chars: -1, ...CENTERED });
    this.submit = new Gtk.Button({ css_classes: ['suggested-action'], hexpand: true });
    this.snooze = new Gtk.Button({ hexpand: true });
    this.window = new (Adw ? Adw.Window : Gtk.Window)({
      resizable: false,
      modal: true,
      icon_name: 'dialog-password',
      // With the role that GTK 4.8 gives each window, it sometimes had none: about one in eight on a busy machine.
      accessible_role: Gtk.AccessibleRole.DIALOG,
    });
    this.#arrange();
    this.#listen();
  }

  #arrange() {
    this.statusRow = box(Gtk.Orientation.HORIZONTAL, 8, [this.spinner, this.status]);
    const buttons = box(Gtk.Orientation.HORIZONTAL, 12, [this.snooze, this.submit], {
      homogeneous: true,
    });
    const session = box(Gtk.Orientation.VERTICAL, 8, [this.heading, this.sessionBar]);
    const code = box(Gtk.Orientation.VERTICAL, 6, [this.device, this.field, this.codeBar, this.nextCode]);
    const step = box(Gtk.Orientation.VERTICAL, 10, [code, this.statusRow]);
    this.questionPage = box(Gtk.Orientation.VERTICAL, 18, [session, step, buttons]);

    this.resultIcon = new Gtk.Image({ pixel_size: 48, accessible_role: Gtk.AccessibleRole.PRESENTATION });
    this.resultText = label({ accessible_role: Gtk.AccessibleRole.ALERT, ...CENTERED });
    this.resultClose = new Gtk.Button({ halign: Gtk.Align.CENTER, visible: false });
    this.resultPage = box(Gtk.Orientation.VERTICAL, 18, [this.resultIcon, this.resultText, this.resultClose], {
      valign: Gtk.Align.CENTER,
    });

    this.pages = new Gtk.Stack({ margin_start: 24, margin_end: 24, margin_bottom: 24, margin_top: Adw ? 6 : 18 });
    this.pages.add_child(this.questionPage);
    this.pages.add_child(this.resultPage);
    // The default one would make the window as wide as the name of the profile.
    this.title = new Gtk.Label({ css_classes: ['title'], ellipsize: Pango.EllipsizeMode.MIDDLE, max_width_chars: 32 });
    const bar = new Gtk.HeaderBar({ css_classes: ['flat'], title_widget: this.title });
    if (Adw) {
      this.window.set_content(box(Gtk.Orientation.VERTICAL, 0, [bar, this.pages]));
    } else {
      this.window.set_titlebar(bar);
      this.window.set_child(this.pages);
    }
    const style = new Gtk.CssProvider();
    // GTK 4.9 to 4.11 wants the length, earlier versions do not.
    if (style.load_from_string) style.load_from_string(STYLE);
    else style.load_from_data(...[STYLE, -1].slice(0, style.load_from_data.length));
    Gtk.StyleContext.add_provider_for_display(
      Gdk.Display.get_default(),
      style,
      Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION,
    );
  }

  #listen() {
    this.field.connect('changed', () => this.#typed());
    this.field.connect('activate', () => this.#pressedReturn());
    this.submit.connect('clicked', () => this.#pressedReturn());
    this.snooze.connect('clicked', () => {
      if (this.#isAsking()) this.#answer({ answer: 'snooze', id: this.#question.id });
    });
    this.resultClose.connect('clicked', () => this.window.close());
    this.window.connect('close-request', () => {
      if (!this.#isOver) say({ answer: 'closed' });
      loop.quit();
      return false;
    });
    const keys = new Gtk.ShortcutController({ propagation_phase: Gtk.PropagationPhase.CAPTURE });
    keys.add_shortcut(
      new Gtk.Shortcut({
        trigger: Gtk.ShortcutTrigger.parse_string('Escape'),
        action: Gtk.CallbackAction.new(() => this.window.close() ?? true),
      }),
    );
    this.window.add_controller(keys);
  }

  take(request) {
    if (this.#isOver) return;
    if (request.show === 'question') this.#ask(request);
    else if (request.show === 'checking') this.#check(request);
    else if (request.show === 'result') this.#end(request);
  }

  #ask(question) {
    const isFirst = this.#question === undefined;
    const isNew = this.#question?.id !== question.id;
    const hasOtherProblem = isNew || this.#question.problem !== question.problem;
    this.#question = question;
    this.#ahead = question.now - Date.now();
    const { words } = question;
    this.window.title = question.title;
    this.title.label = question.title;
    this.heading.label = question.heading;
    this.device.label = question.device;
    this.submit.label = words.submit;
    this.snooze.label = words.snooze;
    this.resultClose.label = words.close;
    name(this.field, question.device);
    name(this.sessionBar, words.sessionLeft);
    name(this.codeBar, words.codeLeft);
    if (isNew) {
      this.#answered = undefined;
      this.field.text = '';
      this.#setBusy(false);
    }
    // What the window itself said of a text that is not a code stays when only the times change.
    if (hasOtherProblem && this.#isAsking()) this.#setStatus(question.problem, question.problem !== '');
    this.#tick();
    if (isFirst) this.#open();
    else if (!this.window.visible && !question.byItself) this.#present();
    else if (this.window.visible && question.raise) this.window.present();
    if (isNew) this.field.grab_focus();
  }

  #open() {
    if (this.#question.byItself) this.#openInTurn();
    else this.#present();
  }

  /** Opens when no other window has the name on the bus. The bus keeps the others in a queue, and knows who has ended. */
  #openInTurn() {
    const open = () => this.window.visible || this.#present();
    const wait = (connection) => (connection === null ? open() : say({ answer: 'waiting' }));
    this.turn = Gio.bus_own_name(Gio.BusType.SESSION, BUS_NAME, Gio.BusNameOwnerFlags.NONE, null, open, wait);
  }

  #present() {
    this.window.connect('map', () => say({ answer: 'ready' }));
    this.window.present();
    this.field.grab_focus();
    GLib.timeout_add(GLib.PRIORITY_DEFAULT, 500, () => {
      this.#tick();
      return GLib.SOURCE_CONTINUE;
    });
  }

  #check({ text }) {
    if (this.#isAsking()) return;
    this.#setSpinning(true);
    this.#setStatus(text, false);
  }

  #end({ text, good, seconds }) {
    this.#isOver = true;
    this.resultIcon.icon_name = good ? 'object-select-symbolic' : 'dialog-warning-symbolic';
    this.resultIcon.css_classes = [good ? 'success' : 'warning'];
    this.resultText.label = text;
    this.resultText.css_classes = good ? ['heading-line'] : [];
    this.resultClose.visible = !good;
    this.pages.visible_child = this.resultPage;
    if (!good) this.resultClose.grab_focus();
    announce(this.window, text);
    // Not `timeout_add_seconds`, which may be a quarter of a second early.
    GLib.timeout_add(GLib.PRIORITY_DEFAULT, RESULT_TIME, () => {
      if (this.turn) Gio.bus_unown_name(this.turn);
      return GLib.SOURCE_REMOVE;
    });
    GLib.timeout_add(GLib.PRIORITY_DEFAULT, seconds * 1_000, () => {
      this.window.close();
      return GLib.SOURCE_REMOVE;
    });
  }

  /** The end of the input. */
  end() {
    if (!this.#isOver) loop.quit();
  }

  #isAsking() {
    return !this.#isOver && this.#question !== undefined && this.#answered !== this.#question.id;
  }

  #typed() {
    const { text } = this.field;
    const code = codeIn(text);
    this.submit.sensitive = code !== undefined;
    if (text !== '') this.#setInvalid(false);
    if (code !== undefined && this.#isAsking()) this.#answer({ answer: 'code', id: this.#question.id, code });
  }

  #pressedReturn() {
    if (!this.#isAsking()) return;
    const code = codeIn(this.field.text);
    if (code === undefined) this.#setStatus(this.#question.words.notSixDigits, true);
    else this.#answer({ answer: 'code', id: this.#question.id, code });
  }

  #answer(answer) {
    this.#answered = answer.id;
    this.#setBusy(true);
    say(answer);
  }

  #setBusy(isBusy) {
    this.field.editable = !isBusy;
    this.snooze.sensitive = !isBusy;
    this.submit.sensitive = !isBusy && codeIn(this.field.text) !== undefined;
    if (!isBusy) this.#setSpinning(false);
  }

  /** The spinner and its short text are in the middle. A longer text has the whole width. */
  #setSpinning(isSpinning) {
    this.spinner.visible = isSpinning;
    if (isSpinning) this.spinner.start();
    else this.spinner.stop();
    this.statusRow.halign = isSpinning ? Gtk.Align.CENTER : Gtk.Align.FILL;
    this.status.hexpand = !isSpinning;
    this.status.wrap = !isSpinning;
  }

  #setStatus(text, isProblem) {
    if (this.status.label !== text) announce(this.window, text);
    this.status.label = text;
    this.status.css_classes = isProblem ? ['problem', 'error'] : [];
    this.#setInvalid(isProblem);
    // The window grows for a longer text, but does not shrink under the user's hands.
    const [, height] = this.statusRow.measure(Gtk.Orientation.VERTICAL, this.questionPage.get_width() || -1);
    this.statusRow.height_request = Math.max(this.statusRow.height_request, height);
  }

  #setInvalid(isInvalid) {
    if (isInvalid) this.field.add_css_class('error');
    else this.field.remove_css_class('error');
    this.field.update_state([Gtk.AccessibleState.INVALID], [isInvalid ? 1 : 0]);
    this.field.update_property([Gtk.AccessibleProperty.DESCRIPTION], [isInvalid ? this.status.label : '']);
  }

  /** Updates the parts that change with time. */
  #tick() {
    const { session, codeStep, words } = this.#question;
    const now = Date.now() + this.#ahead;
    this.sessionBar.visible = session !== undefined;
    if (session) this.sessionBar.fraction = within(0, (session.until - now) / (session.until - session.from), 1);
    const left = codeStep - (now % codeStep);
    this.codeBar.fraction = left / codeStep;
    this.nextCode.label = words.nextCode.replace('{seconds}', String(Math.ceil(left / 1000)));
  }
}

/** Returns the six digits in a typed or pasted text, or undefined. */
function codeIn(text) {
  const digits = text.normalize('NFKC').replace(/[\s\p{Pd}\p{Cf}\u2212]/gu, '');
  return /^[0-9]{6}$/.test(digits) ? digits : undefined;
}

function within(least, value, most) {
  return Math.min(most, Math.max(least, value));
}

function label(properties = {}) {
  const attributes = new Pango.AttrList();
  // A hyphen in a long name would look like a part of it.
  attributes.insert(Pango.attr_insert_hyphens_new(false));
  return new Gtk.Label({
    wrap: true,
    wrap_mode: Pango.WrapMode.WORD_CHAR,
    attributes,
    xalign: 0,
    width_chars: 40,
    max_width_chars: 40,
    ...properties,
  });
}

function box(orientation, spacing, children, properties = {}) {
  const made = new Gtk.Box({ orientation, spacing, ...properties });
  for (const child of children) made.append(child);
  return made;
}

/** Gives a part of the window a name for screen readers. */
function name(widget, text) {
  widget.update_property([Gtk.AccessibleProperty.LABEL], [text]);
}

/** Has a screen reader say a text, where GTK can (4.14). Before, it does so for the role of the label. */
function announce(widget, text) {
  if (text === '' || !widget.announce) return;
  // GTK crashes (4.18) if there is no accessibility bus: it then has only a stand-in.
  const context = widget.get_at_context();
  if (context === null || context.constructor.$gtype.name === 'GtkTestATContext') return;
  widget.announce(text, Gtk.AccessibleAnnouncementPriority.MEDIUM);
}

function say(answer) {
  try {
    output.write_all(new TextEncoder().encode(`${JSON.stringify(answer)}\n`), null);
  } catch {
    // The program has ended, and so has our input.
  }
}

const codeWindow = new CodeWindow();
const input = new Gio.DataInputStream({ base_stream: InputStream.new(0, false) });

function readNext() {
  input.read_line_async(GLib.PRIORITY_DEFAULT, null, (_, result) => {
    let line;
    try {
      [line] = input.read_line_finish_utf8(result);
    } catch (error) {
      printerr(error.message);
      line = null;
    }
    if (line === null) return codeWindow.end();
    try {
      codeWindow.take(JSON.parse(line));
    } catch (error) {
      // The window may show no usable prompt: end it, and the program asks in another way.
      printerr(error.message);
      exit(1);
    }
    readNext();
  });
}

readNext();
loop.run();
