/** The command that sets the clock of this machine. */
export const SET_CLOCK = process.platform === 'darwin' ? 'sudo sntp -sS time.apple.com' : 'timedatectl set-ntp true';
