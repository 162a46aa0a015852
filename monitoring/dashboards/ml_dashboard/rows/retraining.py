"""The last run of the retraining, as it told the Pushgateway: of no namespace and no pod."""

from ..panels import AGO, COUNT, SCORE, SECONDS, SHARE, bars, number, queries, series

TITLE = "Retraining"
NONE = "No retraining yet"
OF_MODEL = 'job="ml-retraining",model=~"$model"'


def gauge(name, more=""):
    return f"ml_retraining_{name}{{{OF_MODEL}{more}}}"


def panels():
    return [
        number("Last run", "When the last retraining ended, however it ended.", AGO,
               gauge("last_run_timestamp_seconds") + " * 1000", "{{model}}",
               runbooks=["RetrainingLate"], width=6, none=NONE),
        number("Last success", "When a retraining last ended without a failure.", AGO,
               gauge("last_success_timestamp_seconds") + " * 1000", "{{model}}", width=6,
               none=NONE),
        number("Outcome", "What the last run came to: the challenger was promoted, refused by "
                          "the gate, rolled back, or the run failed.", SCORE,
               gauge("outcome") + " == 1", "{{model}}: {{outcome}}",
               runbooks=["RetrainingFailed"], width=6, named=True, none=NONE),
        number("Took", "Duration of the last run.", SECONDS, gauge("duration_seconds"),
               "{{model}}", width=6, none=NONE),
        bars("Champion and challenger",
             "Their scores on the same rows, of the last run. Each is between 0 and 1, and more "
             "is better.", SHARE, gauge("score"), "{{metric}}: {{role}}", none=NONE),
        series("Scores over time",
               "The same, run by run: a champion that falls is a model that ages.", SHARE,
               queries((gauge("score"), "{{metric}}: {{role}}")), none=NONE),
        series("Rows and frauds",
               "What the last run was trained and tested on.", COUNT,
               queries((gauge("rows"), "rows, {{split}}"), (gauge("frauds"), "frauds, {{split}}")),
               none=NONE),
    ]
