"""The verb `dataset`: a prepared folder as a dataset of the `datasets` library, and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jsonargparse

from versamammo import NOTICE
from versamammo.config import command_parser
from versamammo.data.manifest import read_manifest
from versamammo.data.sources.archives.catalogue import licence_of
from versamammo.errors import InputError


def parser() -> jsonargparse.ArgumentParser:
    """Describe the verb's arguments."""
    made = command_parser(description=f"Pack a prepared folder as a dataset. {NOTICE}")
    verbs = made.add_subcommands(dest="action", required=True)
    packs = command_parser()
    packs.add_argument("prepared", type=Path, help="what `versamammo prepare` wrote")
    packs.add_argument("out", type=Path, help="folder of the dataset")
    packs.add_argument("--push-to", default="", help="repository on the hub, made private")
    packs.add_argument(
        "--images-may-be-shared", action="store_true",
        help="push images of a source whose licence is not known to allow it",
    )  # fmt: skip
    unpacks = command_parser()
    unpacks.add_argument("source", help="folder or repository of a dataset that was packed")
    unpacks.add_argument("out", type=Path, help="prepared folder to write")
    verbs.add_subcommand("pack", packs, help="for datasets.load_dataset, with a card")
    verbs.add_subcommand("unpack", unpacks, help="the prepared folder again, to train from")
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Pack or unpack; returns 0."""
    # here, since other verbs should not wait for it
    from versamammo.data.packed_dataset import pack, unpack

    given = args[args.action]
    if args.action == "unpack":
        print(f"{given.out}: {unpack(given.source, given.out):,} images. {NOTICE}")
        return 0
    if given.push_to and not given.images_may_be_shared:
        check_shareable(read_manifest(given.prepared, ["source"])["source"].unique().to_pylist())
    counts = pack(given.prepared, given.out)
    told = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    print(f"{given.out}: {told}. {NOTICE}")
    if given.push_to:
        print(push(given.out, given.push_to))
    return 0


def check_shareable(sources: Sequence[str]) -> None:
    """Stop at sources whose licence does not say that their images may be passed on.

    Raises:
        InputError: there is one.
    """
    held = [one for one in sources if not licence_of(one).startswith(("CC BY", "phantoms"))]
    if held:
        named = ", ".join(f"{source} ({licence_of(source)})" for source in held)
        message = (
            f"images of {named} are not known to be free to pass on; "
            "--images-may-be-shared if they are"
        )
        raise InputError(message, field="push-to", reason="not-shareable")


def push(folder: Path, name: str) -> str:
    """Upload a packed folder to a private repository of the hub; returns its address."""
    from huggingface_hub import HfApi

    api = HfApi()
    made = api.create_repo(name, repo_type="dataset", private=True, exist_ok=True)
    api.upload_folder(repo_id=made.repo_id, folder_path=folder, repo_type="dataset")
    return str(made)
