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
<p>Two networks that learned with the Forward-Forward algorithm. Draw, and watch what each layer
thinks of the ten labels.</p>
<p>Each layer learned by itself, all of them at once. Its <em>goodness</em> says how well it thinks
a label fits. Added up over the layers that vote, it is the <em>vote</em>, and the label with the
largest wins. The dense network learned to give <em>positives</em>, pictures with their true label,
more goodness than <em>negatives</em>, pictures with a wrong one. The whole algorithm is in lesson
00, <a href="../notebooks/00_start_here.ipynb">notebooks/00_start_here.ipynb</a>.</p>
{markup}</html>
"""


def main():
    path = Path(__file__).with_suffix(".html")
    networks = f"../site/{playground.NETWORKS.name}"
    path.write_text(PAGE.format(markup=playground.markup(networks)), encoding="utf-8")
    print(f"{path}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
