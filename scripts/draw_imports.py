"""Draw who imports whom, folder by folder, and count circles and upward imports.

The picture is `docs/images/imports.svg`: one box per folder of code, one arrow per pair of folders
of which one imports the other, boxes below what they are imported by. `--check` writes nothing; it
fails if the committed picture is out of date, or if there are more circles or upward imports than
`--most-circles` and `--most-upward` allow.

    python scripts/draw_imports.py
"""

from __future__ import annotations

import argparse
import ast
import html
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grimp
import matplotlib as mpl
import networkx as nx
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "imports.svg"
PACKAGES = ("app", "benchmark", "vlm", "pretrain", "versamammo")
COLOURS = {
    "app": "#f6d8c6",
    "benchmark": "#d7e8d0",
    "vlm": "#e3d6ee",
    "pretrain": "#f4e6b8",
    "versamammo": "#cfe0f3",
}
Place = tuple[float, float]
HALF = (0.46, 0.17)  # half a box's width and height; boxes stand 1 apart
MARKED = re.compile(r"<dc:description>(.*?)</dc:description>", re.DOTALL)


@dataclass(frozen=True)
class Faults:
    """What an import graph should not have.

    Attributes:
        circles: files that import each other, directly or through others; one entry per circle.
        upward: the fewest (importer, imported) pairs without which the parts of each folder,
            sub-folders and single files, could be put in an order.
    """

    circles: tuple[tuple[str, ...], ...]
    upward: tuple[tuple[str, str], ...]


def read_imports(root: Path = ROOT) -> grimp.ImportGraph:
    """Return the imports among our files, with those that `import_module` makes by name."""
    sys.path.insert(0, str(root))  # these files, not those that are installed
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    for module in sorted(graph.modules):
        for imported in _imported_by_name(_file_of(root, module)):
            if imported in graph.modules and imported != module:
                graph.add_import(importer=module, imported=imported)
    return graph


def _file_of(root: Path, module: str) -> Path:
    path = root.joinpath(*module.split("."))
    file = path.with_suffix(".py")
    return file if file.is_file() else path / "__init__.py"


def _imported_by_name(file: Path) -> Iterator[str]:
    text = file.read_text()
    if "import_module" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else None
        called = node.func.id if isinstance(node.func, ast.Name) else called
        first = node.args[0]
        if called == "import_module" and isinstance(first, ast.Constant):
            yield str(first.value)


def faults_of(graph: grimp.ImportGraph) -> Faults:
    """Return the circles of files and the upward imports among the parts of each folder."""
    files = nx.DiGraph(_pairs(graph))
    circles = [sorted(one) for one in nx.strongly_connected_components(files) if len(one) > 1]
    folders = [module for module in graph.modules if graph.find_children(module)]
    upward = [pair for folder in folders for pair in graph.nominate_cycle_breakers(folder)]
    return Faults(tuple(sorted(map(tuple, circles))), tuple(sorted(upward)))


def _pairs(graph: grimp.ImportGraph) -> list[tuple[str, str]]:
    return [
        (importer, imported)
        for importer in sorted(graph.modules)
        for imported in sorted(graph.find_modules_directly_imported_by(importer))
    ]


def folders_of(graph: grimp.ImportGraph) -> nx.DiGraph:
    """Return the graph of folders: `files` of each, `imports` of each arrow.

    A file belongs to the folder it lies in; `__init__.py` belongs to its own folder.
    """
    room = {
        module: module if graph.find_children(module) else module.rpartition(".")[0]
        for module in graph.modules
    }
    sizes = Counter(room.values())
    arrows = Counter((room[a], room[b]) for a, b in _pairs(graph) if room[a] != room[b])
    drawn = nx.DiGraph()
    for name in sorted(sizes):
        drawn.add_node(name, files=sizes[name])
    for (importer, imported), count in sorted(arrows.items()):
        drawn.add_edge(importer, imported, imports=count)
    return drawn


def described(folders: nx.DiGraph) -> str:
    """Return the arrows as text, which the picture carries and `--check` compares."""
    return "; ".join(f"{importer} > {imported}" for importer, imported in sorted(folders.edges))


def upward_arrows(folders: nx.DiGraph) -> set[tuple[str, str]]:
    """Return the arrows to leave out, the lightest of each circle, so that no circle is left."""
    rest = folders.copy()
    left_out: set[tuple[str, str]] = set()
    while not nx.is_directed_acyclic_graph(rest):
        circle = [(a, b) for a, b, *_ in nx.find_cycle(rest)]
        lightest = min(circle, key=lambda arrow: (rest.edges[arrow]["imports"], arrow))
        rest.remove_edge(*lightest)
        left_out.add(lightest)
    return left_out


def rows_of(folders: nx.DiGraph, left_out: set[tuple[str, str]]) -> list[list[str]]:
    """Return the boxes in rows from the top: each below all that import it."""
    downward = folders.copy()
    downward.remove_edges_from(left_out)
    rows = [sorted(row) for row in nx.topological_generations(downward)]
    for row in rows:
        row.sort(key=lambda name: (PACKAGES.index(name.partition(".")[0]), name))
    return rows


def draw(folders: nx.DiGraph, target: Path) -> None:
    """Write the picture as SVG, the same bytes for the same imports."""
    upward = upward_arrows(folders)
    rows = rows_of(folders, upward)
    widest = max(map(len, rows))
    places = {
        name: ((column + 0.5) * widest / len(row), float(-number))
        for number, row in enumerate(rows)
        for column, name in enumerate(row)
    }
    with mpl.rc_context({"svg.hashsalt": "imports", "svg.fonttype": "none"}):
        figure = Figure(figsize=(2.1 * widest, 1.25 * len(rows)))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, widest)
        axes.set_ylim(0.5 - len(rows), 0.5)
        for importer, imported in folders.edges:
            count = folders.edges[importer, imported]["imports"]
            _draw_arrow(axes, places[importer], places[imported], count)
        for name, (x, y) in places.items():
            _draw_box(axes, name, folders.nodes[name]["files"], x, y)
        figure.savefig(
            target, format="svg", metadata={"Date": None, "Description": described(folders)}
        )


def _draw_arrow(axes: Axes, start: Place, end: Place, imports: int) -> None:
    (x1, y1), (x2, y2) = start, end
    upward = y2 >= y1
    edge = -HALF[1] if upward else HALF[1]
    axes.add_patch(
        FancyArrowPatch(
            (x1, y1 - edge), (x2, y2 + edge), arrowstyle="-|>", mutation_scale=9,
            connectionstyle=f"arc3,rad={0.2 if upward else 0.06}",
            linewidth=min(0.5 + 0.08 * imports, 2.4), color="#b03030" if upward else "#5a6470",
            alpha=0.8 if upward else 0.45, zorder=1,
        )
    )  # fmt: skip


def _draw_box(axes: Axes, name: str, files: int, x: float, y: float) -> None:
    top, _, rest = name.partition(".")
    width, height = HALF
    axes.add_patch(
        FancyBboxPatch(
            (x - width, y - height), 2 * width, 2 * height,
            boxstyle="round,pad=0,rounding_size=0.05", facecolor=COLOURS[top],
            edgecolor="#39424d", linewidth=0.8 if rest else 1.6, zorder=2,
        )
    )  # fmt: skip
    label = name.replace(".", "/")
    axes.text(x, y + 0.05, label, ha="center", va="center", fontsize=8.5, zorder=3,
              weight="normal" if rest else "bold")  # fmt: skip
    axes.text(x, y - 0.09, f"{files} files" if files > 1 else "1 file", ha="center", va="center",
              fontsize=7, color="#39424d", zorder=3)  # fmt: skip


def is_current(folders: nx.DiGraph, picture: Path = PICTURE) -> bool:
    """Return whether the picture shows the arrows that the code has."""
    found = MARKED.search(picture.read_text()) if picture.is_file() else None
    return found is not None and html.unescape(found[1]) == described(folders)


def main() -> int:
    """Print the counts, and draw or check."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--check", action="store_true", help="write nothing, fail if it is wrong")
    options.add_argument("--most-circles", type=int, default=0, help="that --check lets pass")
    options.add_argument("--most-upward", type=int, default=0, help="that --check lets pass")
    asked = options.parse_args()
    graph = read_imports()
    faults, folders = faults_of(graph), folders_of(graph)
    print(f"{len(graph.modules)} files in {len(folders)} folders, {folders.size()} arrows")
    print(f"{len(faults.circles)} circles")
    for circle in faults.circles:
        print("  " + ", ".join(circle))
    print(f"{len(faults.upward)} upward imports")
    for importer, imported in faults.upward:
        print(f"  {importer} imports {imported}")
    if not asked.check:
        draw(folders, PICTURE)
        print(f"wrote {PICTURE.relative_to(ROOT)}")
        return 0
    if not is_current(folders):
        print(f"{PICTURE.relative_to(ROOT)} is out of date: run python scripts/draw_imports.py")
        return 1
    over = len(faults.circles) > asked.most_circles or len(faults.upward) > asked.most_upward
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
