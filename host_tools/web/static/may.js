// What whoever is logged in may do: decides which buttons a page shows. The server decides what happens.

import { get } from "../kit/js/api.js";

const session = await get("/session").catch(() => ({ may: [] }));
const commands = new Set(session.may);

export function may(command) {
  return commands.has(command);
}
