/**
 * Prints a word in a line for each event that changes whether the user is at the screen. For JavaScript for Automation:
 * `osascript -l JavaScript macos-events.js`. Ends when its standard input ends. Never run on a Mac.
 *
 * `ready`: it follows the events. `locked`, `unlocked`: the screen. `left`, `back`: another user's session is on the screen, or ours
 * is again. `woke`: the machine.
 */

ObjC.import('AppKit');
ObjC.import('stdlib');

const WORDS = {
  'com.apple.screenIsLocked': 'locked',
  'com.apple.screenIsUnlocked': 'unlocked',
  NSWorkspaceSessionDidResignActiveNotification: 'left',
  NSWorkspaceSessionDidBecomeActiveNotification: 'back',
  NSWorkspaceDidWakeNotification: 'woke',
};

/** NSNotificationSuspensionBehaviorDeliverImmediately: AppKit holds back events for programs that are not in front. */
const AT_ONCE = 4;

const input = $.NSFileHandle.fileHandleWithStandardInput;
const output = $.NSFileHandle.fileHandleWithStandardOutput;

function say(word) {
  output.writeData($(`${word}\n`).dataUsingEncoding($.NSUTF8StringEncoding));
}

/**
 * Calls a method that takes and returns nothing. The bridge calls it when it is named; with some versions of macOS, people have seen
 * that it then only returns it.
 */
function invoke(object, method) {
  const returned = object[method];
  if (typeof returned === 'function') returned.call(object);
}

ObjC.registerSubclass({
  name: 'AwsMfaAgentEvents',
  methods: {
    'happened:': {
      types: ['void', ['id']],
      implementation: (notification) => say(WORDS[ObjC.unwrap(notification.name)]),
    },
    'inputEnded:': { types: ['void', ['id']], implementation: () => $.exit(0) },
  },
});

const observer = $.AwsMfaAgentEvents.alloc.init;
const ofScreen = $.NSDistributedNotificationCenter.defaultCenter;
const ofWorkspace = $.NSWorkspace.sharedWorkspace.notificationCenter;
for (const name of Object.keys(WORDS)) {
  if (name.startsWith('com.apple.')) {
    ofScreen.addObserverSelectorNameObjectSuspensionBehavior(observer, 'happened:', name, $(), AT_ONCE);
  } else {
    ofWorkspace.addObserverSelectorNameObject(observer, 'happened:', name, $());
  }
}
$.NSNotificationCenter.defaultCenter.addObserverSelectorNameObject(
  observer,
  'inputEnded:',
  'NSFileHandleReadToEndOfFileCompletionNotification',
  input,
);
invoke(input, 'readToEndOfFileInBackgroundAndNotify');

const application = $.NSApplication.sharedApplication;
// NSApplicationActivationPolicyProhibited: neither a window nor an icon in the Dock.
application.setActivationPolicy(2);
say('ready');
invoke(application, 'run');
