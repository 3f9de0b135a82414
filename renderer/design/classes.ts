/**
 * Class names out of a CSS module. Gives a function that joins the classes named, leaving out what is false; a name that
 * the module does not have is a slip in the code and is left out as well.
 */
export function classes(
  module: Readonly<Record<string, string>>,
): (...names: readonly (string | false | null | undefined)[]) => string {
  return (...names) =>
    names
      .map((name) => (name ? module[name] : undefined))
      .filter((name) => name !== undefined)
      .join(' ');
}
