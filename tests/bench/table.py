"""The table: a row for each module and way of logging in, a column for each figure."""

COLUMNS = [
    ("instructions", "M instr", "{:.2f}"),
    ("cpu", "CPU x limit", "{:.2f}"),
    ("calls", "syscalls", "{:.0f}"),
    ("peak", "peak MiB", "{:.2f}"),
    ("size", ".so kB", "{:.0f}"),
    ("needed", "needs", "{}"),
    ("load", "dlopen us", "{:.0f}"),
    ("connections", "TCP", "{:.0f}"),
    ("handshakes", "TLS", "{:.0f}"),
    ("requests", "HTTP", "{:.0f}"),
    ("bytes", "bytes", "{:.0f}"),
    ("trips", "RTTs", "{:.2f}"),
    ("trips_after", "after key", "{:.2f}"),
    ("kept", "kept B", "{:.0f}"),
    ("private", "private B", "{:.0f}"),
    ("descriptors", "fds", "{:+.0f}"),
    ("mappings", "maps", "{:+.0f}"),
    ("rate", "logins/s", "{:.0f}"),
    ("of_limit", "of limit's", "{:.2f}"),
    ("failed", "failed", "{:.0f}"),
]


def shown(rows):
    """In Markdown, so that it can be pasted."""
    heads = ["", *(head for _, head, _ in COLUMNS)]
    lines = [heads, *([row.name, *(cell(row.found, key, form) for key, _, form in COLUMNS)] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(heads))]
    text = [" | ".join(word.ljust(width) for word, width in zip(line, widths)) for line in lines]
    text.insert(1, "-|-".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" if at != 1 else f"|-{line}-|" for at, line in enumerate(text))


def cell(found, key, form):
    """A figure, or nothing where there is none."""
    if key not in found:
        return "-"
    if key == "needed":
        return " ".join(name.removeprefix("lib") for name in found[key])
    return form.format(found[key])
