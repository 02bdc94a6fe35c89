/**
 * The built code, as it is run in earnest: tsx gives functions their names back with a call each,
 * which for small closures is most of what they cost. `npm run bench` builds first.
 */
export async function built<Module>(path: string): Promise<Module> {
  return (await import(new URL(`../../dist/${path}`, import.meta.url).href)) as Module;
}
