"""The alias moves to another model, which gives other numbers."""

import time

from faults import models
from faults.answers import Answers
from faults.scene import SHIPPED_SCORE, SHIPPED_VERSION, fault
from model_directories import FRAUD, SECOND_VERSION

BOTH = '"risk_level":"high"'  # what the answers of both models have in them


def last(found, version):
    """When the last answer of a version came; 0 without any."""
    return max((one.at for one in found if one.version == version), default=0)


def first(found, version):
    return min((one.at for one in found if one.version == version), default=0)


def swap(scene, known):
    """Moves the alias and waits for the load's end; its time, and seconds until all four follow."""
    scene.strike("another model is named")
    at = time.time()
    models.name_champion(scene.stage, known.second)
    scene.until("four pods with the new model", lambda: models.all_follow(known.second))
    followed = scene.since()
    scene.until("the end of the load", lambda: scene.messages.process.poll() is not None)
    return at, followed


@fault("another model is named")
def swapped_model(scene):
    known = models.registered(scene.stage)
    scene.right[SECOND_VERSION] = known.score
    scene.until("good looks of four pods", models.all_are_well)
    try:
        with Answers(scene.kafka) as answers, scene.load(models.LOAD_SECONDS, BOTH):
            at, followed = swap(scene, known)
    finally:
        models.name_champion(scene.stage, known.champion)
    scene.until("four pods with the champion", lambda: models.all_follow(known.champion))
    judge(scene, answers, at, followed, known)


def judge(scene, answers, at, followed, known):
    asked, read = scene.asker.answers, answers.predictions
    old, new = (sum(one.version == version for one in asked)
                for version in (SHIPPED_VERSION, SECOND_VERSION))
    times = [last(asked, SHIPPED_VERSION) - at, last(read, SHIPPED_VERSION) - at]
    begun = first(asked, SECOND_VERSION) - at
    scene.check("HTTP's answers", "each is the old model's number or the new one's, both come",
                old and new and known.score != SHIPPED_SCORE and not scene.asker.wrong,
                f"{old} of {SHIPPED_SCORE}, {new} of {known.score}; the first new one after "
                f"{begun:.1f} s, the last old one after {times[0]:.1f} s")
    judged, wrong = answers.wrong({SHIPPED_VERSION: FRAUD, SECOND_VERSION: known.folder})
    n_old, n_new = (len(answers.of(version)) for version in (SHIPPED_VERSION, SECOND_VERSION))
    scene.check("Kafka's predictions", "each is XGBoost's own number for the version it names",
                judged > 0 and not wrong and n_old and n_new,
                f"{judged} judged, {wrong} wrong; {n_old} of {SHIPPED_VERSION}, {n_new} of "
                f"{SECOND_VERSION}, the last old one after {times[1]:.1f} s")
    scene.check("how soon", f"every pod follows within SYNC_INTERVAL and a fifth: "
                f"{models.INTERVAL} s, and a few for download and proof",
                followed < models.INTERVAL + 10 and max(times) < followed + 10,
                f"four links after {followed:.1f} s, nothing of the old model from "
                f"{max(times):.1f} s on")
    scene.tell(f"The alias moves to a model with other numbers: answers of both come for up to "
               f"{max(times):.0f} s, each whole and right, from then on of the new one alone.")
