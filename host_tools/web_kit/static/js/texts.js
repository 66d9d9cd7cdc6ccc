// The text catalogue of this page's language; the same one that templates use (docs/manager.md).

const language = document.documentElement.lang || "en";
const { default: table } = await import(`../../texts/${language}.js`);

/** A text with its values: `t("table.of", {shown: 3, n: 10})`. With `n`, `.one` or `.other` is chosen. */
export function t(name, values = {}) {
  let key = name;
  if ("n" in values && `${name}.other` in table) key = `${name}.${values.n === 1 ? "one" : "other"}`;
  const text = table[key];
  if (text === undefined) {
    console.error(`text ${name} is missing`);
    return name;
  }
  return text.replace(/\{(\w+)\}/g, (whole, word) => (word in values ? String(values[word]) : whole));
}

/** A text if there is one, else `otherwise`: for words that boards and errors bring along. */
export function tOr(name, otherwise, values = {}) {
  return name in table || `${name}.other` in table ? t(name, values) : otherwise;
}

/** What the names that begin so end with: `names("act.")`. */
export function names(start) {
  return Object.keys(table).filter((name) => name.startsWith(start)).map((name) => name.slice(start.length));
}

export { language };
