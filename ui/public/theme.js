// Applies the chosen theme before the first paint; a file of its own because inline scripts are forbidden.
try {
    const theme = localStorage.getItem("theme");
    if (theme) document.documentElement.dataset.theme = theme;
} catch {
    // Storage is closed to us: the system's theme is used.
}
