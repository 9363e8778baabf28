/** Recordings of several people: send one, see how far all are, open one. */

import { call, events, inGallery, Problem, upload } from "../api.js";
import { announce, ask, button, field, fill, h } from "../dom.js";
import { number, percent, t, when } from "../i18n.js";
import { dropZone } from "../source.js";
import { problemBox, tried } from "../words.js";
import { showRecording } from "./recording.js";

const OVER = ["done", "failed", "cancelled"];
const PAGE = 50;
const AGAIN_MS = 3000;

/**
 * @param {HTMLElement} root
 * @param {import("../main.js").Context} context
 */
export async function show(root, context) {
  if (context.id) return showRecording(root, context);
  const { gallery, ended } = context;
  const path = inGallery(gallery.name, "recordings");
  const page = await call("GET", path, { query: { limit: PAGE } });
  const rows = h("ul.jobs", { "aria-label": t("recordings.list") });
  const speakers = h("input", { type: "number", min: 1, max: 100, inputMode: "numeric" });
  const said = h("div");
  const send = async (files) => {
    for (const file of files) await submit(file);
  };
  const submit = async (file) => {
    const bar = h("progress", { max: 1, value: 0, "aria-label": t("recordings.sending", { name: file.name }) });
    const row = h(
      "li.card",
      {},
      h("h2", {}, file.name),
      h("p.hint", {}, t("recordings.sending", { name: file.name })),
      bar,
    );
    rows.prepend(row);
    const warn = new AbortController();
    window.addEventListener("beforeunload", (event) => event.preventDefault(), { signal: warn.signal });
    try {
      const job = await upload(
        path,
        { name: withoutSuffix(file.name), speakers: speakers.value },
        file,
        (share) => (bar.value = share),
      );
      row.replaceWith(jobRow(job, context));
    } catch (error) {
      fill(row, h("h2", {}, file.name), problemBox(error));
    }
    warn.abort();
  };
  addRows(rows, page.items, context);
  const more = page.next_cursor ? moreButton(path, page.next_cursor, rows, context, said) : null;
  const kept = t(gallery.keep_audio ? "recordings.kept" : "recordings.not_kept");
  fill(
    root,
    h("h1", {}, t("recordings.title")),
    h("p", {}, t("recordings.about"), " ", kept),
    h(
      "div.sources",
      {},
      dropZone({ label: t("recordings.choose"), multiple: true, take: send }),
      field(t("recordings.speakers"), speakers, t("recordings.speakers.hint")),
    ),
    said,
    rows,
    more,
  );
  ended.addEventListener("abort", () => said.remove());
}

/** What a recording is called, where only a file's name is known. */
function withoutSuffix(name) {
  return name.replace(/(.)\.[^.]+$/, "$1").slice(0, 200);
}

function moreButton(path, cursor, rows, context, said) {
  const more = button(t("more"), async () => {
    await tried(said, async () => {
      const page = await call("GET", path, { query: { limit: PAGE, cursor } });
      addRows(rows, page.items, context);
      cursor = page.next_cursor;
      more.hidden = !cursor;
    });
  });
  return more;
}

/** The newest is the first row, and the oldest is followed first: jobs are worked on in this order. */
function addRows(rows, jobs, context) {
  const made = jobs.toReversed().map((job) => jobRow(job, context));
  rows.append(...made.reverse());
}

/** One job, which follows its own progress until it has ended. */
function jobRow(job, context) {
  const { gallery, link, ended } = context;
  const path = inGallery(gallery.name, "recordings", job.id);
  const row = h("li.card");
  const draw = (now) => {
    const name = now.name ?? now.id;
    const title = now.state === "done" ? h("a", { href: link("recordings", now.id) }, name) : name;
    const state = h(
      "p.hint",
      {},
      `${t(`job.${now.state}`)}${now.stage ? `: ${t(`stage.${now.stage}`)}` : ""} · ${when(now.created_at)}`,
    );
    const bar = OVER.includes(now.state)
      ? null
      : h("progress", {
          max: 100,
          value: now.progress,
          "aria-label": t("recordings.progress", { name, n: percent(now.progress / 100) }),
        });
    const failed = now.error ? h("p.note.warn", { lang: "en" }, now.error.detail) : null;
    fill(
      row,
      h("h2", {}, title),
      state,
      bar,
      failed,
      h("div.actions", {}, OVER.includes(now.state) ? removal(now, path, row) : stopping(path, row)),
    );
  };
  draw(job);
  if (!OVER.includes(job.state)) following = following.then(() => follow(path, ended, draw, row));
  return row;
}

/** One at a time: a browser opens six connections to a server, and each stream of events takes one. */
let following = Promise.resolve();

/** Until it has ended; a server that was started again is asked again. */
async function follow(path, ended, draw, row) {
  while (!ended.aborted) {
    try {
      for await (const { event, data } of events(`${path}/events`, ended)) {
        if (event === "deleted") return row.remove();
        draw(data);
        if (!OVER.includes(event)) continue;
        announce(`${data.name ?? data.id}: ${t(`job.${event}`)}`);
        return;
      }
    } catch (error) {
      if (ended.aborted) return;
      if (error instanceof Problem && error.code !== "unreachable") return row.append(problemBox(error));
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

function stopping(path, row) {
  return button(t("job.stop"), async () => {
    const said = h("div");
    row.append(said);
    await tried(said, () => call("POST", `${path}/cancel`));
  });
}

function removal(job, path, row) {
  const name = job.name ?? job.id;
  return button(
    t("recordings.erase"),
    async () => {
      const sure = await ask({
        title: t("recordings.erase.title", { name }),
        body: h("p", {}, t("recordings.erase.explained")),
        yes: t("recordings.erase"),
        no: t("cancel"),
        grave: true,
      });
      if (!sure) return;
      const said = h("div");
      row.append(said);
      if (await tried(said, () => call("DELETE", path))) row.remove();
    },
    { "aria-label": t("recordings.erase.one", { name }) },
  );
}
