/** Keys of the API: listed, made, given a new secret and revoked. A secret is shown once. */

import { call } from "../api.js";
import { announce, ask, button, field, fill, h, select, table } from "../dom.js";
import { day, number, t, when } from "../i18n.js";
import { note, tried } from "../words.js";

const PATH = "/v1/keys";
const SCOPES = ["identify", "read", "enroll", "admin"];
const SPANS = ["30d", "90d", "365d"];

/**
 * @param {HTMLElement} root
 * @param {import("../main.js").Context} context
 */
export async function show(root, context) {
  const { items: keys } = await call("GET", PATH);
  const [said, secret] = [h("div"), h("div", { "aria-live": "polite" })];
  const refresh = async (made) => {
    await show(root, context);
    if (made) fill(root.querySelector(".secret"), shownOnce(made));
  };
  secret.className = "secret";
  const heads = ["name", "scopes", "galleries", "limits", "since", "used", "expires", "actions"];
  const rows = keys.map((one) => [
    one.name,
    one.scopes.join(", "),
    one.galleries.join(", ") || t("keys.everywhere"),
    limits(one),
    when(one.created_at),
    one.last_used_on ? day(one.last_used_on) : "",
    end(one),
    actions(one, said, refresh),
  ]);
  fill(
    root,
    h("h1", {}, t("keys.title")),
    h("p", {}, t("keys.about")),
    secret,
    said,
    keys.length ? table(
          t("keys.title"),
          heads.map((one) => t(`keys.${one}`)),
          rows,
        ) : h("p", {}, t("keys.none")),
    making(context, said, refresh),
  );
}

/** What is left of a day can be seen before the key is refused. */
function limits({ audio_seconds_per_day: most, audio_seconds_today: sent, requests_per_minute: n }) {
  const audio = most && t("keys.limits.audio", { sent: number(sent), most: number(most) });
  return [audio, n && t("keys.limits.rate", { n: number(n) })].filter(Boolean).join("; ");
}

function end({ expires_at: at }) {
  if (!at) return t("keys.never");
  return new Date(at) > new Date() ? when(at) : t("keys.expired", { when: when(at) });
}

function shownOnce({ key, secret }) {
  const copy = button(
    t("keys.copy"),
    async () => {
      await navigator.clipboard.writeText(secret);
      announce(t("keys.copied"));
    },
    { hidden: !navigator.clipboard }, // over plain http from elsewhere there is none
  );
  const former = key.former_secret_until;
  return [
    note(t("keys.once", { name: key.name })),
    h("p.row", {}, h("code", {}, secret), copy),
    former ? h("p.hint", {}, t("keys.former", { when: when(former) })) : null,
  ];
}

function actions(key, said, refresh) {
  const path = `${PATH}/${encodeURIComponent(key.id)}`;
  const rotate = button(t("keys.rotate"), async () => {
    let made = null;
    if (await tried(said, async () => (made = await call("POST", `${path}/rotate`, { json: {} })))) await refresh(made);
  });
  const revoke = button(t("keys.revoke"), async () => {
    const sure = await ask({
      title: t("keys.revoke.title", { name: key.name }),
      body: h("p", {}, t("keys.revoke.explained")),
      yes: t("keys.revoke"),
      no: t("cancel"),
      grave: true,
    });
    if (sure && (await tried(said, () => call("DELETE", path)))) await refresh(null);
  });
  return h("div.actions", {}, rotate, revoke);
}

function making({ gallery }, said, refresh) {
  const name = h("input", { type: "text", maxLength: 200, required: true, autocomplete: "off" });
  const boxes = SCOPES.map((scope) => h("input", { type: "checkbox", value: scope, checked: scope === "identify" }));
  const where = select(
    [
      ["", t("keys.everywhere")],
      [gallery.name, gallery.name],
    ],
    gallery.name,
  );
  const expires = select(
    [["", t("keys.never")], ...SPANS.map((span) => [span, t("keys.days", { n: parseInt(span, 10) })])],
    "90d",
  );
  const [audio, rate] = [0, 1].map(() => h("input", { type: "number", min: 1, step: 1, inputMode: "numeric" }));
  const scopes = h(
    "fieldset",
    {},
    h("legend", {}, t("keys.scopes")),
    boxes.map((box) =>
      h("label.check", {}, box, h("span", {}, h("code", {}, box.value), " ", t(`keys.scope.${box.value}`))),
    ),
  );
  const check = () => boxes[0].setCustomValidity(boxes.some((box) => box.checked) ? "" : t("keys.scopes.none"));
  scopes.addEventListener("change", check);
  const form = h(
    "form.card",
    {},
    h("h2", {}, t("keys.make")),
    field(t("keys.name"), name),
    scopes,
    field(t("keys.galleries"), where),
    field(t("keys.expires"), expires),
    field(t("keys.audio"), audio, t("keys.unlimited")),
    field(t("keys.rate"), rate, t("keys.unlimited")),
    h("button.main", { type: "submit" }, t("keys.make")),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const json = {
      name: name.value,
      scopes: boxes.filter((box) => box.checked).map((box) => box.value),
      galleries: where.value ? [where.value] : [],
      ...(expires.value ? { expires: expires.value } : {}),
      ...(audio.value ? { audio_seconds_per_day: audio.valueAsNumber } : {}),
      ...(rate.value ? { requests_per_minute: rate.valueAsNumber } : {}),
    };
    let made = null;
    if (await tried(said, async () => (made = await call("POST", PATH, { json })))) await refresh(made);
  });
  return form;
}
