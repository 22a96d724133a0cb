// Gives each dropdown the text of its label as (the beginning of) its accessible name: Dash names
// it after its value alone.
function nameDropdowns() {
  document.querySelectorAll(".control").forEach((control, number) => {
    const label = control.querySelector("label, .label");
    const button = control.querySelector("button.dash-dropdown");
    if (!label || !button || button.dataset.named) return;
    label.id = label.id || `label-${number}`;
    const names = button.getAttribute("aria-labelledby") || "";
    button.setAttribute("aria-labelledby", `${label.id} ${names}`);
    button.dataset.named = "yes";
  });
}
new MutationObserver(nameDropdowns).observe(document, { childList: true, subtree: true });

const dark = window.matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", () => {
  window.dash_clientside.set_props("scheme", { data: dark.matches });
});
window.dash_clientside = Object.assign({}, window.dash_clientside, {
  explorer: {
    // Whether the page is dark, as the browser's setting says.
    scheme: () => dark.matches,
    // Shows the trial that was chosen.
    show: (chosen) => {
      if (chosen) document.getElementById("trial").scrollIntoView({ block: "nearest" });
      return chosen || "";
    },
  },
});
