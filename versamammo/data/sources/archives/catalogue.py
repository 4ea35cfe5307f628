"""The public archives: where each is, what it holds, and what its terms say of shared weights.

`weights` is our reading of the terms, not advice: "yes" where a licence allows derived works to be
passed on, "non-commercial" where it does so under that condition, "ask" where an agreement must be
signed or nothing is written, "no" where passing on is forbidden. A person has to confirm it before
weights are published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from versamammo.errors import InputError

Weights = Literal["yes", "non-commercial", "ask", "no"]
SHAREABLE: tuple[Weights, ...] = ("yes", "non-commercial")


@dataclass(frozen=True)
class PublicArchive:
    """One archive as it is offered to the public.

    Attributes:
        images: mammograms, as its own description counts them.
        gigabytes: to be downloaded, about.
        labels: our names of what it tells.
        tasks: benchmark tasks that it serves, by the beginnings of their ids; questions about
            images (`vqa.`) are made from all archives.
    """

    name: str
    title: str
    link: str
    licence: str
    weights: Weights
    images: int
    patients: int | None
    gigabytes: float
    labels: tuple[str, ...]
    tasks: tuple[str, ...]


def _archive(
    name: str,
    title: str,
    link: str,
    licence: str,
    weights: Weights,
    size: tuple[int, int | None, float],
    labels: str,
    tasks: str = "",
) -> PublicArchive:
    images, patients, gigabytes = size
    return PublicArchive(
        name, title, link, licence, weights, images, patients, gigabytes,
        tuple(labels.split()), tuple(tasks.split()),
    )  # fmt: skip


ARCHIVES: dict[str, PublicArchive] = {
    archive.name: archive
    for archive in (
        _archive("bmcd", "BMCD", "https://zenodo.org/records/5036062", "CC BY 4.0", "yes",
                 (400, 100, 9), "density birads", "cls.bmcd"),
        _archive("cbis-ddsm", "CBIS-DDSM", "https://doi.org/10.7937/K9/TCIA.2016.7O02S9CY",
                 "CC BY 3.0", "yes", (3103, 1566, 164),
                 "density birads pathology subtlety mass calcification boxes masks",
                 "det.cbis seg.cbis cls.cbis ret.cbis ext.transfer.cbis ext.det.cbis"),
        _archive("cdd-cesm", "CDD-CESM", "https://doi.org/10.7937/29kw-ae92", "CC BY 4.0", "yes",
                 (1003, 326, 2),
                 "density birads pathology mass calcification asymmetry distortion "
                 "nipple_retraction boxes masks", "seg.cddcesm cls.cddcesm"),
        _archive("cmmd", "CMMD", "https://doi.org/10.7937/tcia.eqde-4b16", "CC BY 4.0", "yes",
                 (5202, 1775, 23), "pathology subtype mass calcification age",
                 "cls.cmmd ext.transfer.cmmd"),
        _archive("csaw-m", "CSAW-M", "https://doi.org/10.17044/scilifelab.14687271",
                 "CC BY-NC-ND 4.0", "no", (10020, None, 11), "masking", "cls.csawm"),
        _archive("dbt", "BCS-DBT", "https://doi.org/10.7937/E4WT-CD02", "CC BY-NC 4.0",
                 "non-commercial", (22032, 5060, 1630), "pathology boxes",
                 "ext.cls.dbt ext.transfer.cbis-finding-to-dbt ext.det ext.vqa.dbt"),
        _archive("dmid", "DMID", "https://doi.org/10.6084/m9.figshare.24522883", "CC BY 4.0", "yes",
                 (510, None, 14), "tissue pathology mass calcification distortion asymmetry boxes",
                 "det.dmid cls.dmid"),
        _archive("inbreast", "INbreast", "https://doi.org/10.1016/j.acra.2011.09.014",
                 "by agreement with the authors, research only", "ask", (410, 115, 8),
                 "density birads mass calcification distortion asymmetry boxes masks",
                 "det.inbreast seg.inbreast cls.inbreast ret.inbreast ext.transfer.inbreast"),
        _archive("kau-bcmd", "KAU-BCMD", "https://doi.org/10.3390/data6110111",
                 "see the download page", "ask", (5662, 1416, 3), "birads", "cls.kau"),
        _archive("lamis", "LAMIS-DMDB", "on request from the LAMIS laboratory, Tebessa",
                 "by agreement with the authors", "ask", (2212, None, 30),
                 "density birads pathology",
                 "ext.cls.lamis ext.transfer.vindr-to-lamis ext.transfer.cbis-to-lamis "
                 "ext.transfer.embed-to-lamis ext.transfer.inbreast-to-lamis "
                 "ext.transfer.cmmd-to-lamis ext.ret.lamis ext.vqa.lamis"),
        _archive("mias", "mini-MIAS", "http://peipa.essex.ac.uk/info/mias.html",
                 "MIAS licence agreement, research only", "ask", (322, 161, 0.3),
                 "tissue pathology mass calcification distortion asymmetry boxes", "cls.mias"),
        _archive("mm", "Mammogram Mastery", "https://doi.org/10.17632/fvjhtskg93", "CC BY 4.0",
                 "yes", (745, None, 1), "cancer",
                 "ext.cls.mm ext.transfer.cbis-to-mm ext.transfer.cmmd-to-mm ext.vqa.mm"),
        _archive("nlbs", "NL-Breast-Screening", "https://arxiv.org/abs/2411.02710 (at FRDR)",
                 "see the download page", "ask", (23988, None, 250), "pathology cancer",
                 "ext.cls.nlbs ext.transfer.rsna-to-nlbs ext.ret.nlbs ext.vqa.nlbs"),
        _archive("vindr-mammo", "VinDr-Mammo", "https://doi.org/10.13026/br2v-7517",
                 "PhysioNet Restricted Health Data License 1.5.0", "ask", (20000, None, 338),
                 "density birads mass calcification asymmetry distortion skin_thickening "
                 "skin_retraction nipple_retraction lymph_node boxes",
                 "det.vindr cls.vindr ret.vindr ret.pool ext.transfer.vindr ext.det.vindr "
                 "ext.ret.lamis"),
        _archive("rsna", "RSNA screening mammography",
                 "https://www.kaggle.com/competitions/rsna-breast-cancer-detection",
                 "competition rules, non-commercial research", "ask", (54706, 11913, 314),
                 "density birads cancer invasive age",
                 "cls.rsna ret.rsna ret.pool ext.transfer.rsna"),
        _archive("embed", "EMBED open data", "https://registry.opendata.aws/emory-breast-imaging-dataset-embed/",
                 "EMBED data use agreement", "no", (480606, 23256, 16000),
                 "density birads pathology cancer invasive mass calcification boxes",
                 "cls.embed ret.pool ext.transfer.embed"),
    )
}  # fmt: skip


@dataclass(frozen=True)
class SharingTerms:
    """Which sources a training run may use if its weights are to be shared.

    Attributes:
        kept: sources whose terms allow it, or that are ours.
        left_out: the others, each with why.
    """

    kept: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


def licence_of(source: str) -> str:
    """Name the licence of an archive; phantoms have none to heed."""
    if "phantom" in source:
        return "phantoms, not real data"
    return ARCHIVES[source].licence if source in ARCHIVES else "not known"


def may_be_shared(source: str) -> bool:
    """Return whether weights made from a source may be passed on; what is not known may not."""
    return "phantom" in source or (source in ARCHIVES and ARCHIVES[source].weights in SHAREABLE)


def terms_of(sources: tuple[str, ...]) -> SharingTerms:
    """Part sources by whether weights made from them may be shared.

    Raises:
        InputError: none of them allows it (reason "nothing-shareable").
    """
    kept = tuple(sorted(source for source in set(sources) if may_be_shared(source)))
    out = tuple((source, licence_of(source)) for source in sorted(set(sources) - set(kept)))
    if not kept:
        raise InputError(
            "no source lets weights be shared: "
            + ", ".join(f"{name} ({why})" for name, why in out),
            field="shareable", reason="nothing-shareable",
        )  # fmt: skip
    return SharingTerms(kept, out)
