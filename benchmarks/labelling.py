"""How fast a person can label: key to painted sample, and samples a minute, beside plain ipywidgets buttons.

Starts a JupyterLab of its own and a headless Chromium, and presses keys as soon as the sample on screen is painted.
Latency is measured in the page: from the keydown event to the frame that shows the next sample (for both peers: the
next picture decoded, then requestAnimationFrame and one message after it).

    python benchmarks/labelling.py                 # two picture sizes, about two minutes
    python benchmarks/labelling.py --n 50 --seed 1
"""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "browser"))
from lab import CHROMIUM, CHROMIUM_FLAGS, Lab, Notebook  # noqa: E402

SETUP = """
import io
import numpy as np
from PIL import Image
from dataclasses import replace
from memory_queue import MemoryQueue, digit_cards
from dqkit.relabel import Labeler

def picture(i, kilobytes):
    # Noise compresses badly, so the side sets the size of the JPEG.
    side = int((kilobytes * 1000 / 0.95) ** 0.5)
    pixels = np.random.default_rng([{seed}, i]).integers(0, 256, (side, side), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=85)
    return out.getvalue()

classes = [f"class {{k}}" for k in range(10)]
cards = digit_cards({n} + 60, classes=classes)
cards = [replace(card, media=picture(i, {kilobytes}), mime="image/jpeg") for i, card in enumerate(cards)]
print("mean kB", round(np.mean([len(card.media) for card in cards]) / 1000, 1))
"""

OURS = 'queue = MemoryQueue(cards, classes)\nLabeler(queue, annotator="bench")'

PLAIN = """
import ipywidgets
at = 0
image = ipywidgets.Image(value=cards[0].media, format="jpeg", width=400)
def choose(button):
    global at
    at += 1
    image.value = cards[at].media
buttons = [ipywidgets.Button(description=name) for name in classes]
for button in buttons:
    button.on_click(choose)
ipywidgets.VBox([image, ipywidgets.HBox(buttons)])
"""

MEASURE_OURS = """async (n) => {
    const root = document.querySelector('.dqkit-labeler');
    root.focus();
    const times = [];
    for (let i = 0; i < n; i++) {
        const start = performance.now();
        const painted = new Promise((done) => {
            const watch = new MutationObserver(() => { watch.disconnect(); done(); });
            watch.observe(root, { attributes: true, attributeFilter: ['data-sample-id'] });
        });
        root.dispatchEvent(new KeyboardEvent('keydown', { key: String(i % 10), bubbles: true, cancelable: true }));
        await painted;
        times.push(performance.now() - start);
        await new Promise((done) => setTimeout(done, PAUSE));
    }
    return times;
}"""

MEASURE_PLAIN = """async (n) => {
    const image = document.querySelector('.widget-image');
    const buttons = [...document.querySelectorAll('.widget-button')];
    const times = [];
    for (let i = 0; i < n; i++) {
        const start = performance.now();
        const changed = new Promise((done) => {
            const watch = new MutationObserver(() => { watch.disconnect(); done(); });
            watch.observe(image, { attributes: true, attributeFilter: ['src'] });
        });
        buttons[i % buttons.length].click();
        await changed;
        await image.decode();
        await new Promise((done) => requestAnimationFrame(() => {
            const channel = new MessageChannel();
            channel.port1.onmessage = done;
            channel.port2.postMessage(null);
        }));
        times.push(performance.now() - start);
        await new Promise((done) => setTimeout(done, PAUSE));
    }
    return times;
}"""

BURST = """async (n) => {
    // A key every 50 ms, whatever is on the screen; the page notes what was painted at each.
    const root = document.querySelector('.dqkit-labeler');
    root.focus();
    const painted = [];
    for (let i = 0; i < n; i++) {
        painted.push(root.dataset.sampleId ?? null);
        root.dispatchEvent(new KeyboardEvent('keydown', { key: '3', bubbles: true, cancelable: true }));
        await new Promise((done) => setTimeout(done, 50));
    }
    while (root.dataset.pending !== '0') await new Promise((done) => setTimeout(done, 50));
    return painted;
}"""

SINGLE_VIEW = """async (n) => {
    const root = document.querySelector('.dqkit-labeler');
    root.focus();
    const start = performance.now();
    for (let i = 0; i < n; i++) {
        const painted = new Promise((done) => {
            const watch = new MutationObserver(() => { watch.disconnect(); done(); });
            watch.observe(root, { attributes: true, attributeFilter: ['data-sample-id'] });
        });
        await new Promise((done) => setTimeout(done, THINK));
        root.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
        await painted;
    }
    return (60000 * n) / (performance.now() - start);
}"""

GRID_VIEW = """async (n) => {
    const root = document.querySelector('.dqkit-labeler');
    root.focus();
    const press = (key) => root.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    const start = performance.now();
    let labelled = 0;
    press('g');
    while (labelled < n) {
        while (!root.querySelector('.dq-cell')) await wait(5);
        const cells = root.querySelectorAll('.dq-cell').length;
        // A glance at every thumbnail, and one in ten is looked at closely and taken out.
        await wait(cells * GLANCE);
        for (let i = 0; i < Math.floor(cells / 10); i++) { press('x'); press('ArrowRight'); await wait(THINK); }
        const before = root.querySelector('.dq-grid');
        press('Enter');
        labelled += cells - Math.floor(cells / 10);
        while (root.querySelector('.dq-grid') === before && root.dataset.view === 'grid') await wait(5);
        if (root.dataset.view !== 'grid') break;
    }
    return (60000 * labelled) / (performance.now() - start);
}"""


def row(name: str, size: str, times: list[float]) -> str:
    p50, p95, worst = np.percentile(times, [50, 95, 100])
    return f"{name:<28} {size:>8} {len(times):>5} {p50:>8.1f} {p95:>8.1f} {worst:>8.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=100, help="keys in a run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pause", type=int, default=60, help="milliseconds between a painted sample and the next key")
    parser.add_argument(
        "--think", type=int, default=400, help="milliseconds the scripted annotator looks at one sample"
    )
    parser.add_argument("--glance", type=int, default=60, help="milliseconds it looks at one thumbnail of the grid")
    args = parser.parse_args()

    from playwright.sync_api import sync_playwright

    folder = Path(tempfile.mkdtemp(prefix="dqkit-labelling-"))
    begun, cpu = time.time(), time.process_time()
    print(f"{platform.processor() or platform.machine()}, {platform.system()}, Chromium headless, seed {args.seed}")
    print(f"{'key to painted sample (ms)':<28} {'picture':>8} {'n':>5} {'p50':>8} {'p95':>8} {'worst':>8}")
    try:
        with Lab(folder) as lab, sync_playwright() as playwright:
            context = playwright.chromium.launch_persistent_context(
                folder / "chromium", executable_path=CHROMIUM, headless=True, args=list(CHROMIUM_FLAGS),
                viewport={"width": 1280, "height": 1000},
            )  # fmt: skip
            page = context.new_page()

            def run(cells: list[str], script: str, name: str, *, then: str = "") -> object:
                notebook = Notebook(lab, page, lab.put(cells, name=f"{name}.ipynb"))
                notebook.open()
                notebook.run_all()
                page.wait_for_selector(".dqkit-labeler[data-sample-id], .widget-image")
                page.wait_for_timeout(2000)
                for word, value in {"PAUSE": args.pause, "THINK": args.think, "GLANCE": args.glance}.items():
                    script = script.replace(word, str(value))
                page.set_default_timeout(300_000)
                result = page.evaluate(script, args.n)
                page.set_default_timeout(30_000)
                after = notebook.evaluate(then) if then else None
                notebook.close()
                return (result, after) if then else result

            for kilobytes in (20, 500):
                setup = SETUP.format(seed=args.seed, kilobytes=kilobytes, n=args.n)
                size = f"{kilobytes} kB"
                print(row("dqkit", size, run([setup, OURS], MEASURE_OURS, f"ours{kilobytes}")), flush=True)
                print(
                    row("plain ipywidgets", size, run([setup, PLAIN], MEASURE_PLAIN, f"plain{kilobytes}")), flush=True
                )

            setup = SETUP.format(seed=args.seed, kilobytes=500, n=args.n)
            painted, recorded = run([setup, OURS], BURST, "burst", then="[event.sample_id for event in queue.events]")
            print(f"\nburst of 20 keys a second, 500 kB: {len(painted)} keys, {len(recorded)} labels, "
                  f"{len(painted) - len(recorded)} keys refused, {len(set(painted) - set(recorded) - {None})} painted "
                  f"samples lost, {len(set(recorded) - set(painted))} unpainted samples labelled")  # fmt: skip
            setup = SETUP.format(seed=args.seed, kilobytes=2, n=max(args.n, 400))
            print(f"\nsamples a minute, scripted annotator ({args.think} ms a sample, {args.glance} ms a thumbnail)")
            print(f"{'single view':<28} {run([setup, OURS], SINGLE_VIEW, 'single'):>8.0f}", flush=True)
            print(f"{'grid view, 1 in 10 taken out':<28} {run([setup, OURS], GRID_VIEW, 'grid'):>8.0f}", flush=True)
            context.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nwall {time.time() - begun:.0f} s, CPU of this process {time.process_time() - cpu:.0f} s")


if __name__ == "__main__":
    main()
