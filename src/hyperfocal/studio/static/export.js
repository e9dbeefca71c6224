// Export: a result as a file, in every format that can hold it.

import { ask, get } from "./api.js";
import { button, h, tool } from "./dom.js";
import { tried } from "./notices.js";

const USUAL = [".tif", ".png", ".jpg", ".jxl", ".webp", ".ome.tif"];
const BESIDE = { depth: "Depth map, as TIFF", decision: "Which frame is where, as PNG",
  recipe: "Recipe, to make it again", transforms: "How the frames lie on each other" };

export async function showExport(stack, result) {
  const known = await get(`/api/stacks/${stack.id}/results/${result.number}/formats`);
  const able = (suffix) => known.formats.some((each) => each.suffix === suffix && !each.why_not);
  let suffix = USUAL.find(able) ?? known.formats.find((each) => !each.why_not)?.suffix;
  const beside = new Set();
  const folder = h("input", { id: "export-folder", type: "text", value: known.folder, spellcheck: "false" });
  const name = h("input", { id: "export-name", type: "text", value: known.name, spellcheck: "false" });
  const ending = h("span", { class: "unit" }, suffix);
  const trouble = h("p", { class: "trouble", role: "alert" });
  const replace = h("input", { id: "export-replace", type: "checkbox" });
  const replaceRow = h("div", { class: "field tick", hidden: true },
    h("label", { for: "export-replace" }, "Replace what is there"), replace);

  const choice = (each) => h("label", { class: each.why_not ? "format refused" : "format" },
    h("input", { type: "radio", name: "format", value: each.suffix, checked: each.suffix === suffix, disabled: Boolean(each.why_not),
      onchange: () => { suffix = each.suffix; ending.textContent = suffix; } }),
    h("span", {}, each.suffix), each.why_not && h("small", {}, each.why_not));
  const usual = known.formats.filter((each) => USUAL.includes(each.suffix)).sort((a, b) => USUAL.indexOf(a.suffix) - USUAL.indexOf(b.suffix));
  const others = known.formats.filter((each) => !USUAL.includes(each.suffix));

  const write = () => tried(async () => {
    trouble.textContent = "";
    const answer = await ask("POST", `/api/stacks/${stack.id}/results/${result.number}/export`, {
      folder: folder.value, name: name.value, suffix, beside: [...beside], overwrite: replace.checked,
    }).catch((error) => error);
    if (answer instanceof Error) {
      const there = answer.answer?.there;
      trouble.textContent = there ? `${there.join(", ")} ${there.length > 1 ? "are" : "is"} there already.` : answer.message;
      if (there) { replaceRow.hidden = false; replace.focus(); }
      return;
    }
    dialog.close();
  });
  const dialog = h("dialog", { class: "export", "aria-labelledby": "export-title" },
    h("form", { method: "dialog", onsubmit: (event) => { event.preventDefault(); write(); } },
      h("header", {}, h("h2", { id: "export-title" }, `Export result ${result.number}`), tool("Close", "close", () => dialog.close())),
      h("div", { class: "field" }, h("label", { for: "export-name" }, "Name ", ending), name),
      h("div", { class: "field" }, h("label", { for: "export-folder" }, "Folder"), folder),
      h("fieldset", {}, h("legend", {}, "Format"), h("div", { class: "formats" }, usual.map(choice)),
        h("details", {}, h("summary", {}, "Other formats"), h("div", { class: "formats" }, others.map(choice)))),
      known.beside.length > 0 && h("fieldset", {}, h("legend", {}, "Beside it"), Object.keys(BESIDE).filter((kind) => known.beside.includes(kind)).map((kind) => h("label", { class: "beside" },
        h("input", { type: "checkbox", value: kind, onchange: (event) => beside[event.target.checked ? "add" : "delete"](kind) }),
        h("span", {}, BESIDE[kind] ?? kind)))),
      replaceRow, trouble,
      h("footer", {}, button("Cancel", () => dialog.close(), { class: "quiet" }),
        h("button", { type: "submit", class: "first", id: "export-go" }, "Export"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  name.focus();
}

