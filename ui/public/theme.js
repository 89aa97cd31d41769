// The chosen theme, before the first paint: inline scripts are forbidden.
try {
    const theme = localStorage.getItem("theme");
    if (theme) document.documentElement.dataset.theme = theme;
} catch {
    // Storage is closed to us.
}
