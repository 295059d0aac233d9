"use strict";
(function () {
  var rows = Array.prototype.slice.call(document.querySelectorAll("#files tbody tr"));
  var search = document.getElementById("search"), what = document.getElementById("what"), count = document.getElementById("count");
  var texts = rows.map(function (row) { return row.textContent.toLowerCase(); });
  function show() {
    var words = search.value.toLowerCase().split(/\s+/).filter(Boolean), shown = 0;
    rows.forEach(function (row, index) {
      var fits = !what.value || (what.value === "damage" ? row.dataset.damage === "1" : row.dataset.what === what.value);
      fits = fits && words.every(function (word) { return texts[index].indexOf(word) >= 0; });
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    count.textContent = shown + " of " + rows.length;
  }
  search.addEventListener("input", show);
  what.addEventListener("change", show);
  show();
})();
