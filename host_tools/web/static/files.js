// Files that a person gives and is given.

import { h } from "../kit/js/dom.js";
import { t } from "../kit/js/texts.js";

const CSV = "text/csv;charset=utf-8";
const BOM = "\ufeff"; // without it spreadsheets take UTF-8 for something else, and names come back broken

/** Give a person a file. */
export function saveFile(name, content, type = CSV) {
  const url = URL.createObjectURL(new Blob([type === CSV ? BOM : "", content], { type }));
  const link = h("a", { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** The text of a file that must be UTF-8. */
export async function readText(file) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(await file.arrayBuffer());
  } catch {
    throw new Error(t("word.not_utf8", { name: file.name }));
  }
}
