"""Writes draw.html, a page to draw a digit on: one opens it in a browser, without a server.

.venv/bin/python docs/draw.py
"""

from pathlib import Path

from ffhelpers import playground

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Draw a digit: Forward-Forward</title>
<style>
body {{ max-width: 58rem; margin: 2rem auto; padding: 0 1rem; font-family: system-ui, sans-serif; }}
</style>
<h1>Draw a digit</h1>
<p>Two networks that learned with the Forward-Forward algorithm, layer by layer. Draw, and watch what
each layer thinks of the ten labels.</p>
{markup}</html>
"""


def main():
    path = Path(__file__).with_suffix(".html")
    networks = f"../site/{playground.NETWORKS.name}"
    path.write_text(PAGE.format(markup=playground.markup(networks)), encoding="utf-8")
    print(f"{path}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
