// Comfort only: every form works without this file. Plain ES5, so that old engines read it too.
(function () {
  "use strict";
  function each(selector, act) {
    Array.prototype.forEach.call(document.querySelectorAll(selector), act);
  }
  each("[data-show-password]", function (button) {
    var field = document.getElementById(button.getAttribute("aria-controls"));
    function set(shown) {
      field.type = shown ? "text" : "password";
      button.textContent = button.getAttribute(shown ? "data-hide" : "data-show");
      button.setAttribute("aria-pressed", String(shown));
    }
    button.hidden = false;
    button.addEventListener("click", function () { set(field.type === "password"); });
    if (field.form) field.form.addEventListener("submit", function () { set(false); });
  });
  each("[data-caps]", function (hint) {
    var field = document.getElementById(hint.getAttribute("data-caps"));
    function look(event) {
      if (event.getModifierState) hint.hidden = !event.getModifierState("CapsLock");
    }
    field.addEventListener("keydown", look);
    field.addEventListener("keyup", look);
    field.addEventListener("blur", function () { hint.hidden = true; });
  });
  each("[data-copy]", function (button) {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", function () {
      var source = document.getElementById(button.getAttribute("data-copy"));
      navigator.clipboard.writeText(source.textContent).then(function () {
        button.textContent = button.getAttribute("data-done");
      });
    });
  });
  each("form[data-once]", function (form) {
    form.addEventListener("submit", function () { form.setAttribute("aria-busy", "true"); });
  });
  window.addEventListener("pageshow", function () {
    each("form[aria-busy]", function (form) { form.removeAttribute("aria-busy"); });
  });
  each("a[data-go-on]", function (link) {
    function go() { window.location.replace(link.href); }
    window.addEventListener("load", go);
    window.setTimeout(go, 2000);
  });
  each("form[data-auto-submit]", function (form) { form.submit(); });
})();
