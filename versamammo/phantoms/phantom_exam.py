"""Makes one phantom exam: four views of an invented patient and everything that is true of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from versamammo.imaging.mammogram import Laterality, View
from versamammo.phantoms.anatomy import (
    SIDES,
    VIEWS,
    BreastPlan,
    Patient,
    draw_patient,
    plan_view,
)
from versamammo.phantoms.lesions import BreastTruth, at_prior_exam, draw_truths
from versamammo.phantoms.phantom_settings import PhantomSettings, Stream, random_stream
from versamammo.phantoms.phantom_view import PhantomView, expose
from versamammo.phantoms.placing import place_lesions
from versamammo.phantoms.tissue import TissueFields, grow_tissue

FIRST_DAY = date(2019, 1, 1)


@dataclass(frozen=True, eq=False)
class PhantomExam:
    """One invented patient: four views per date, the latest exam first. Not real data.

    Attributes:
        exam_dates: ISO 8601, latest first.
        views: R CC, L CC, R MLO, L MLO of the latest exam, then of the prior one.
    """

    patient: Patient
    exam_dates: tuple[str, ...]
    views: tuple[PhantomView, ...]

    @property
    def patient_id(self) -> str:
        """An invented identifier that says PHANTOM."""
        return self.patient.name


def make_exam(settings: PhantomSettings, index: int) -> PhantomExam:
    """Make exam `index`; its bytes depend on the settings and the index alone."""
    patient = draw_patient(settings, index)
    days = _exam_days(settings, index)
    shown: dict[tuple[int, View, Laterality], PhantomView] = {}
    for side, truth in enumerate(draw_truths(settings, patient)):
        breast = patient.breasts[side]
        tissues = _grow(settings, patient, breast, truth)
        truth = place_lesions(settings, patient, truth, tissues)
        for when, day in enumerate(days):
            if when:
                truth = at_prior_exam(settings, patient, truth, side)
                tissues = _grow(settings, patient, breast, truth)
            for tissue in tissues:
                picture = expose(settings, patient, tissue, truth, when, day)
                shown[when, tissue.plan.view, breast.side] = picture
    views = [shown[w, view, side] for w in range(len(days)) for view in VIEWS for side in SIDES]
    return PhantomExam(patient, days, tuple(views))


def _exam_days(settings: PhantomSettings, index: int) -> tuple[str, ...]:
    rng = random_stream(settings.seed, index, Stream.LABEL)
    latest = FIRST_DAY + timedelta(days=int(rng.integers(800, 2200)))
    earlier = latest - timedelta(days=int(rng.integers(330, 760)))
    return tuple(day.isoformat() for day in (latest, earlier)[: settings.dates])


def _grow(
    settings: PhantomSettings, patient: Patient, breast: BreastPlan, truth: BreastTruth
) -> tuple[TissueFields, ...]:
    plans = (plan_view(settings, patient, breast, view, truth.retractions()) for view in VIEWS)
    return tuple(grow_tissue(settings, patient, plan) for plan in plans)
