import type { AwsError } from './signature.ts';

/** XML elements by name: text, elements, or a list of elements. */
export type Fields = { [name: string]: string | Fields | Fields[] };

export type Outcome = { kind: 'granted'; action: string; result: Fields } | AwsError;
