// A guide: the theme that was chosen for the page, and printing.

const kept = localStorage.getItem("theme");
if (kept) document.documentElement.dataset.theme = kept;

const button = document.getElementById("print-button");
button.hidden = false;
button.addEventListener("click", () => print());
