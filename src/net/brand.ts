/**
 * Nominal types. A branded value can only be made by the one function that checks it, so holding
 * one is the proof that the check was done; nothing behind the edge checks again.
 */
declare const brand: unique symbol;

export type Brand<Base, Name extends string> = Base & { readonly [brand]: { readonly [K in Name]: true } };
