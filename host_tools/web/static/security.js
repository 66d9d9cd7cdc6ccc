// Security: the manager's certificates, HTTPS, how the machine logs in to its network, safe mode, and the reset.

import { byId, fill, h } from "../kit/js/dom.js";
import { attempt } from "../kit/js/api.js";
import { certificatesCard } from "./certificates.js";
import { networkCard } from "./network_login.js";
import { passphraseCards } from "./passphrase.js";
import { httpsCard } from "./https_only.js";
import { resetCard } from "./reset.js";

const certificates = h("div", {});
const rest = h("div", { class: "packed" });
fill(byId("security"), certificates, rest);

attempt(async () => {
  const network = h("div", {});
  const https = h("div", {});
  const reset = h("div", {});
  fill(rest, https, network, passphraseCards(), reset);
  await certificatesCard(certificates);
  await httpsCard(https);
  await networkCard(network);
  await resetCard(reset);
});
