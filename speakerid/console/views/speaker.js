/** One speaker: name, consent, utterances, merging with another, erasing. */

import { call, inGallery, list } from "../api.js";
import { announce, ask, button, field, fill, h, select, table } from "../dom.js";
import { number, seconds, t, when } from "../i18n.js";
import { note, speechFigures, tried } from "../words.js";

/**
 * @param {HTMLElement} root
 * @param {import("../main.js").Context} context
 * @param {any} speaker
 */
export async function showSpeaker(root, context, speaker) {
  const { gallery, link, go } = context;
  const path = inGallery(gallery.name, "speakers", speaker.id);
  const [utterances, others] = await Promise.all([
    list(`${path}/utterances`),
    list(inGallery(gallery.name, "speakers")),
  ]);
  const said = h("div");
  const refresh = (changed) => showSpeaker(root, context, changed);
  const erase = button(
    t("speaker.erase"),
    async () => {
      const sure = await ask({
        title: t("speaker.erase.title", { name: speaker.name }),
        body: h("p", {}, t("speaker.erase.explained")),
        yes: t("speaker.erase"),
        no: t("cancel"),
        grave: true,
      });
      if (!sure) return;
      const done = await tried(said, () => call("DELETE", path));
      if (!done) return;
      announce(t("speaker.erased", { name: speaker.name }));
      go("speakers");
    },
    { className: "grave" },
  );
  fill(
    root,
    h("p", {}, h("a", { href: link("speakers") }, `← ${t("speakers.title")}`)),
    h("h1", {}, speaker.name),
    h("p", {}, `${t(`status.${speaker.status}`)} · ${t("speech.seconds", { n: seconds(speaker.speech_seconds) })}`),
    h("p.row", {}, h("a", { href: link("enroll", speaker.id) }, t("speaker.more"))),
    said,
    h("div.columns", {}, rename(speaker, path, said, refresh), consent(speaker, path, said, refresh)),
    utteranceTable(speaker, utterances, path, said, refresh),
    merging(speaker, others, context, said),
    h("div.actions", {}, erase),
  );
}

function rename(speaker, path, said, refresh) {
  const plain = { type: "text", autocomplete: "off", spellcheck: false };
  const name = h("input", { ...plain, value: speaker.name, maxLength: 200, required: true });
  const external = h("input", { ...plain, value: speaker.external_id ?? "", maxLength: 200 });
  const tags = h("input", { ...plain, value: speaker.tags.join(", ") });
  const save = async () => {
    const tagged = tags.value.split(",").filter((one) => one.trim());
    const changes = { name: name.value, tags: tagged, ...(external.value ? { external_id: external.value } : {}) };
    await change(speaker, path, changes, said, refresh);
  };
  const fields = [
    field(t("speakers.name"), name),
    field(t("speaker.external_id"), external),
    field(t("speakers.tags"), tags, t("speaker.tags.hint")),
  ];
  return section(t("speaker.details"), [fields, facts(speaker.metadata)], save);
}

function consent(speaker, path, said, refresh) {
  const { purpose, given_at: given, expires_at: expires, ...rest } = speaker.consent;
  const inputs = {
    purpose: h("input", { type: "text", value: purpose ?? "", maxLength: 200, autocomplete: "off" }),
    given_at: h("input", { type: "date", value: day(given) }),
    expires_at: h("input", { type: "date", value: lastDay(expires) }),
  };
  const save = async () => {
    const noted = {
      purpose: inputs.purpose.value,
      given_at: kept(given, day(given), inputs.given_at.value),
      expires_at: kept(expires, lastDay(expires), inputs.expires_at.value),
    };
    const found = Object.entries(noted).filter(([, value]) => value);
    await change(speaker, path, { consent: { ...rest, ...Object.fromEntries(found) } }, said, refresh);
  };
  const over = speaker.consent_expired ? h("p.note.warn", {}, t("consent.expired")) : null;
  const fields = [
    field(t("consent.purpose"), inputs.purpose, t("consent.hint")),
    field(t("consent.given"), inputs.given_at),
    field(t("consent.expires"), inputs.expires_at),
  ];
  return section(t("consent.title"), [over, fields, facts(rest)], save);
}

/** Of a time its day, which is what a date field shows. */
function day(time) {
  return typeof time === "string" ? time.slice(0, 10) : "";
}

/** The last day that is wholly before a time: a day as an end is kept as the midnight that ends it. */
function lastDay(time) {
  return Date.parse(time) ? new Date(Date.parse(time) - 1).toISOString().slice(0, 10) : "";
}

/** What was there, with its hour, unless another day than the one shown was chosen. */
function kept(before, shown, chosen) {
  return chosen && chosen === shown ? before : chosen;
}

/** A form whose save button works by Enter as well. */
function section(title, fields, save) {
  const submit = h("button.main", { type: "submit" }, t("save"));
  const form = h("form.card", {}, h("h2", {}, title), fields, submit);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  return form;
}

/** Only if nobody else changed the speaker meanwhile. */
async function change(speaker, path, json, said, refresh) {
  let changed = null;
  const done = await tried(said, async () => {
    changed = await call("PATCH", path, { json, headers: { "If-Match": speaker.etag } });
  });
  if (!done) return;
  await refresh(changed);
  announce(t("saved"));
}

function facts(values) {
  const rows = Object.entries(values).map(([name, value]) => [
    h("dt", {}, name),
    h("dd", {}, typeof value === "string" ? value : JSON.stringify(value)),
  ]);
  return rows.length ? h("dl", {}, rows) : null;
}

function utteranceTable(speaker, utterances, path, said, refresh) {
  if (!utterances.length) return h("p", {}, t("utterances.none"));
  const rows = utterances.map((one, nth) => {
    const remove = button(
      t("utterances.erase"),
      async () => {
        const sure = await ask({
          title: t("utterances.erase.title"),
          body: h("p", {}, t("utterances.erase.explained", { name: speaker.name })),
          yes: t("utterances.erase"),
          no: t("cancel"),
          grave: true,
        });
        if (!sure) return;
        let left = null;
        if (
          await tried(
            said,
            async () => (left = await call("DELETE", `${path}/utterances/${encodeURIComponent(one.id)}`)),
          )
        )
          await refresh(left);
      },
      { "aria-label": t("utterances.erase.nth", { n: nth + 1 }) },
    );
    return [
      number(nth + 1),
      when(one.created_at),
      speechFigures(one.speech),
      one.accepted.map((code) => t(`coach.${code}`)).join(" "),
      remove,
    ];
  });
  return table(
    t("utterances.title"),
    ["#", t("speakers.since"), t("speakers.speech"), t("utterances.accepted"), t("utterances.erase")],
    rows,
  );
}

function merging(speaker, others, { gallery, go }, said) {
  const options = others.filter((one) => one.id !== speaker.id).map((one) => [one.id, one.name]);
  if (!options.length) return null;
  const into = select([["", "–"], ...options]);
  const merge = button(t("merge.do"), async () => {
    if (!into.value) return into.focus();
    const name = into.selectedOptions[0].textContent;
    const sure = await ask({
      title: t("merge.title", { name: speaker.name, into: name }),
      body: h("p", {}, t("merge.explained", { name: speaker.name, into: name })),
      yes: t("merge.do"),
      no: t("cancel"),
    });
    if (!sure) return;
    const target = into.value;
    const done = await tried(said, () =>
      call("POST", inGallery(gallery.name, "speakers", speaker.id, "merge"), { json: { into: target } }),
    );
    if (!done) return;
    note(t("merge.done", { name: speaker.name, into: name }));
    go("speakers", target);
  });
  return h(
    "section.card",
    {},
    h("h2", {}, t("merge.heading")),
    h("p.hint", {}, t("merge.hint")),
    h("div.row", {}, field(t("merge.into"), into), merge),
  );
}
