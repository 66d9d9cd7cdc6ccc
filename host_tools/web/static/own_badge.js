// Pairing a badge at a reader that is plugged into this very computer: read here, judged by the controller.

import { ProblemError, attempt, send } from "../kit/js/api.js";
import { show } from "../kit/js/dialog.js";
import { fill, h } from "../kit/js/dom.js";
import { toast } from "../kit/js/toast.js";
import { t } from "../kit/js/texts.js";
import { OwnReader, chosenPort, hasWebSerial } from "./own_reader.js";

const READINGS_MAX = 8; // of one badge, as the API takes them

/** Asks for a reader and follows it until a badge of `row` is paired, or the dialog is closed. Within a click. */
export async function pairHere(row, path, changed, anew = false) {
  if (!hasWebSerial()) {
    await show(t("badge.here"), h("p", { class: "notice warn" }, t("ownreader.no_web_serial")), h("p", {}, t("badge.elsewhere")), h("pre", { class: "pem" }, command(row)));
    return;
  }
  const port = await attempt(() => chosenPort(anew));
  if (!port) return;
  const reader = new OwnReader(port);
  const said = h("p", { class: "notice", role: "status", "aria-live": "polite" }, t("ownreader.opening"));
  const again = () => {
    end(said);
    pairHere(row, path, changed, true);
  };
  const other = h("button", { class: "button small", type: "button", onclick: again }, t("ownreader.other_reader"));
  const closed = show(t("badge.heading", { name: row.name }), h("p", {}, t("ownreader.how")), said, h("p", {}, other)).then(() => reader.close());
  try {
    await reader.open();
    fill(said, t("badge.hold"));
    const tag = await follow(reader, row, path, said);
    if (tag) {
      end(said);
      toast(t("badge.paired", { name: row.name, tag }));
      await attempt(changed);
    }
  } catch (error) {
    tellIn(said, error);
  }
  await closed;
}

/** Until a badge was read often enough and is paired; empty: the dialog was closed. */
async function follow(reader, row, path, said) {
  let readings = [];
  for await (const reading of reader.taps()) {
    readings = [...readings, reading].slice(-READINGS_MAX);
    try {
      const found = await send("POST", "/badge-judgements", { readings });
      await reader.accept();
      if (found.sure) {
        await send("PUT", `${path}/${encodeURIComponent(found.tag)}`, { technology: found.technology });
        return found.tag;
      }
      said.className = "notice good";
      fill(said, t("ownreader.again", { tag: found.tag }));
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      readings = []; // another badge, then
      tellIn(said, error);
    }
  }
  return "";
}

function tellIn(said, error) {
  said.className = "notice bad";
  fill(said, error.message);
}

function end(said) {
  said.closest("dialog")?.querySelector(".dialog-buttons button").click();
}

function command(row) {
  return `bwc badge pair ${row.id} --at ${location.origin}`;
}
