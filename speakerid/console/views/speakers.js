/** Who is enrolled. */

import { call, inGallery, list, MOST } from "../api.js";
import { field, fill, h, table } from "../dom.js";
import { number, seconds, t, when } from "../i18n.js";
import { tried } from "../words.js";
import { showSpeaker } from "./speaker.js";

/**
 * @param {HTMLElement} root
 * @param {import("../main.js").Context} context
 */
export async function show(root, context) {
  const { gallery, id } = context;
  if (id) return showSpeaker(root, context, await call("GET", inGallery(gallery.name, "speakers", id)));
  const speakers = await list(inGallery(gallery.name, "speakers"));
  const [shown, said] = [h("div"), h("div")];
  const pick = async (tag) => {
    const query = tag.trim() ? { tag } : {};
    await tried(said, async () => {
      fill(shown, everybody(await list(inGallery(gallery.name, "speakers"), query), context));
    });
  };
  fill(shown, speakers.length ? everybody(speakers, context) : nobody(context));
  fill(root, h("h1", {}, t("speakers.title")), said, speakers.length ? tagField(speakers, pick) : null, shown);
}

function nobody({ link }) {
  return h("p", {}, t("identify.nobody"), " ", h("a", { href: link("enroll") }, t("nav.enroll")));
}

/** A tag to pick by; those of the listed speakers are offered. */
function tagField(speakers, pick) {
  const known = [...new Set(speakers.flatMap((one) => one.tags))].sort();
  const offered = h(
    "datalist",
    { id: "tags" },
    known.map((tag) => h("option", { value: tag })),
  );
  const input = h("input", { type: "search", autocomplete: "off", spellcheck: false, list: offered.id });
  input.addEventListener("change", () => pick(input.value));
  return [offered, field(t("speakers.tag"), input)];
}

function everybody(speakers, { link }) {
  const search = h("input", { type: "search", autocomplete: "off", spellcheck: false });
  const rows = h("div");
  const cut = speakers.length < MOST ? null : h("p.note.warn", {}, t("speakers.cut", { n: number(MOST) }));
  const draw = () => {
    const wanted = search.value.trim().toLocaleLowerCase();
    const found = speakers.filter((one) => one.name.toLocaleLowerCase().includes(wanted));
    const cells = found.map((one) => [
      h("a", { href: link("speakers", one.id) }, one.name),
      one.tags.join(", "),
      t(one.consent_expired ? "consent.over" : `status.${one.status}`),
      number(one.utterances),
      seconds(one.speech_seconds),
      when(one.created_at),
    ]);
    const heads = ["name", "tags", "status", "utterances", "speech", "since"].map((head) => t(`speakers.${head}`));
    fill(rows, table(t("speakers.count", { n: number(found.length) }), heads, cells));
  };
  search.addEventListener("input", draw);
  draw();
  return [cut, field(t("speakers.search"), search), rows];
}
