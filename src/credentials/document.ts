import type { MfaSession } from '../session.ts';
export interface ProfileSection { name: string }
export interface CredentialsDocument { profile(name: string): ProfileSection | undefined; profileNames(): string[] }
export declare const todo: MfaSession;
