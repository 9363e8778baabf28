/** What is wrong in a gallery, each with one press to repair it, and what was repaired, with one to take it back. */

import { call, inGallery, list } from "./api.js";
import { announce, ask, button, fill, h } from "./dom.js";
import { known, number, t, when } from "./i18n.js";
import { note, tried } from "./words.js";

/**
 * @param {import("./main.js").Context} context
 * @returns {HTMLElement}
 */
export function auditSection(context) {
  const { gallery } = context;
  const [said, found, changes] = [h("div"), h("div"), h("div")];
  const look = () =>
    tried(said, async () => {
      const { findings, utterances } = await audited(gallery.name);
      const all = findings.map((one) => findingCard(one, context, said, () => drawChanges(changes, context, said)));
      const summary = findings.length
        ? note(t("audit.found", { n: number(findings.length) }), "warn")
        : note(t("audit.clean", { n: number(utterances) }));
      fill(found, summary, all);
    });
  tried(said, () => drawChanges(changes, context, said));
  const heading = h("h2", { id: "audit" }, t("audit.title"));
  const start = h("div.actions", {}, button(t("audit.start"), look, { className: "main" }));
  return h(
    "section.card",
    { "aria-labelledby": heading.id },
    heading,
    h("p.hint", {}, t("audit.about")),
    start,
    said,
    found,
    changes,
  );
}

/** All of it; a large gallery comes in several answers. */
async function audited(gallery) {
  const findings = [];
  let utterances = 0;
  let cursor;
  do {
    const part = await call("POST", inGallery(gallery, "audit"), { query: { cursor } });
    findings.push(...part.findings);
    utterances += part.utterances;
    cursor = part.next_cursor;
  } while (cursor);
  return { findings, utterances };
}

function findingCard(finding, context, said, repaired) {
  const { suggestion } = finding;
  const card = h("article.finding");
  const names = { name: finding.speaker.name, other: finding.other?.name ?? "", n: finding.utterances.length };
  const why = finding.reasons.map((one) => known(`finding.reason.${one}`, one)).join(", ");
  const done = (text) => {
    fill(card, note(text));
    return repaired();
  };
  fill(
    card,
    h("h3", {}, t(`finding.${finding.kind}`, names)),
    why ? h("p", {}, why) : null,
    h("p.hint", { lang: "en" }, finding.sentence),
    repairButton(suggestion, names, context, said, done),
  );
  return card;
}

function repairButton({ action, speaker, utterance, to }, names, { gallery, link }, said, done) {
  const path = (...parts) => inGallery(gallery.name, "speakers", speaker, ...parts);
  const repair = (work) => async () => {
    if (await tried(said, work)) await done(t(`repair.${action}.done`, names));
  };
  if (action === "move_utterance")
    return button(
      t("repair.move_utterance", names),
      repair(() => call("POST", path("utterances", utterance, "move"), { json: { to } })),
    );
  if (action === "merge_speakers")
    return button(
      t("repair.merge_speakers", names),
      repair(() => call("POST", path("merge"), { json: { into: to } })),
    );
  if (action === "enroll_more") return h("a", { href: link("enroll", speaker) }, t("repair.enroll_more", names));
  return button(t("repair.delete_utterance", names), async () => {
    const sure = await ask({
      title: t("utterances.erase.title"),
      body: h("p", {}, t("utterances.erase.explained", names)),
      yes: t("utterances.erase"),
      no: t("cancel"),
      grave: true,
    });
    if (sure) await repair(() => call("DELETE", path("utterances", utterance)))();
  });
}

async function drawChanges(place, context, said) {
  const path = inGallery(context.gallery.name, "history");
  const changes = await list(path, { limit: 50 }, 50);
  if (!changes.length) return fill(place);
  const rows = changes.map((one) => {
    const names = { name: one.speaker?.name ?? "–", into: one.into?.name ?? "–", n: number(one.utterances.length) };
    const undo = button(t("history.undo"), async () => {
      if (!(await tried(said, () => call("POST", `${path}/${encodeURIComponent(one.id)}/undo`)))) return;
      announce(t("history.undone_now"));
      await drawChanges(place, context, said);
    });
    return h(
      "li",
      {},
      h(
        "span",
        {},
        t(`history.${one.kind}`, names),
        " ",
        h("small", {}, `${when(one.created_at)} · ${t(`history.state.${one.state}`)}`),
      ),
      one.state === "done" ? undo : null,
    );
  });
  fill(place, h("h3", {}, t("history.title")), h("ul.history", {}, rows));
}
