// Applies the differences that daftnb/export/differences.py has computed: exact, also for members that are null.

type Members = Record<string, unknown>;
/** Members with a new value; members that are objects, and changed; members that are gone. */
export type Difference = [Members, Record<string, Difference>?, string[]?];

/** What the difference does not touch is shared with `old`, so that "changed" can be seen by identity. */
export function applied(old: Members, change: Difference | null): Members {
  if (change === null) return old;
  const [values, inner, gone] = change;
  const merged = { ...old };
  for (const key of gone ?? []) delete merged[key];
  for (const [key, each] of Object.entries(inner ?? {})) merged[key] = applied(merged[key] as Members, each);
  return Object.assign(merged, values);
}
