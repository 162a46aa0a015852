"""Cases of ml-slo: a profile is pieces of (steps, requests a step, of them bad in percent)."""

from cases import BELOW, FIRES, MISSING, OTHERS, RESOLVES, RESTART, ZERO, case
from series import of, ramps, steady

N = {"namespace": "n"}
TEXTS = {"Availability": "of predictions fail, 0.1 % may in 30 days",
         "Latency": "of replies take over 250 ms, 1 % may in 30 days"}
# A budget of 0.1 % may be burnt by a tenth of what burns one of 1 %.
PERCENT = {"Availability": 1, "Latency": 10}
HOUR, DAY = 60, 144  # steps: of a minute in cases of the fast alerts, of 10 in those of the slow


def counted(pieces, share):
    return ramps(*((steps, n * share(bad / 100)) for steps, n, bad in pieces))


def restart_after(steps, pieces):
    """The same, and a counter that begins anew."""
    found, left = [], steps
    for length, n, bad in pieces:
        if 0 < left < length:
            return ([*found, (left, n, bad)], [(length - left, n, bad),
                                               *pieces[len(found) + 1:]])
        left -= length
        found.append((length, n, bad))
    raise AssertionError("a profile that short")


def values(pieces, share, restart):
    if not restart:
        return counted(pieces, share)
    before, after = restart_after(restart, pieces)
    return counted(before, share) + " " + counted(after, share).removeprefix("0 ")


def budget(kind, *pieces, restart=None, **where):
    """Series of a profile, for the alerts of one budget."""
    pieces = [(steps, n, bad * PERCENT[kind]) for steps, n, bad in pieces]
    labels = {"method": "POST", "endpoint": "/predict"}
    if kind == "Availability":
        return {of("http_requests_total", **where, **labels, status_code=status):
                values(pieces, share, restart)
                for status, share in (("200", lambda bad: 1 - bad), ("503", lambda bad: bad))}
    duration = "http_request_duration_seconds"
    return {of(duration + "_bucket", **where, **labels, le="0.25"):
            values(pieces, lambda bad: 1 - bad, restart),
            of(duration + "_bucket", **where, **labels, le="0.5"):
            values(pieces, lambda bad: 1, restart),
            of(duration + "_count", **where, **labels): values(pieces, lambda bad: 1, restart)}


def said(kind, percent):
    return [(f"{percent * PERCENT[kind]:.4g}% {TEXTS[kind]}", N)]


def one_of_few(kind):
    """A request a minute; that of minute 4 is bad, when the hour has few."""
    labels = {"method": "POST", "endpoint": "/predict"}
    good, bad, every = "0+1x3 3+1x195", "0x3 1x195", "0+1x199"
    if kind == "Availability":
        return {of("http_requests_total", **labels, status_code="200"): good,
                of("http_requests_total", **labels, status_code="503"): bad}
    duration = "http_request_duration_seconds"
    return {of(duration + "_bucket", **labels, le="0.25"): good,
            of(duration + "_count", **labels): every}


for kind in TEXTS:
    # ---- fast: 14.4 in an hour and 5 minutes, 6 in 6 hours and 30 minutes ---------------------

    fast = f"{kind}BudgetBurnFast"

    def burn(*pieces, kind=kind, **options):
        return budget(kind, *pieces, **options)

    # Of 6 hours an hour is a sixth: the second pair of windows is quiet.
    case(fast, FIRES, burn((300, 1000, 0), (70, 1000, 1.45)), [358, 361],
         {362: said(kind, 1.45)})
    case(fast, BELOW, burn((300, 1000, 0), (70, 1000, 1.43)), range(300, 371, 5))
    case(fast, FIRES + ": 5 minutes", burn((300, 1000, 0), (40, 1000, 3), (30, 1000, 1.45)), (),
         {350: said(kind, (40 * 3 + 10 * 1.45) / 60)})
    case(fast, BELOW + ": 5 minutes", burn((300, 1000, 0), (40, 1000, 3), (30, 1000, 1.43)),
         [350])
    case(fast, FIRES + ": 6 hours", burn((380, 2000, 0.61)), [2],
         {3: said(kind, 0.61), 370: said(kind, 0.61)})
    # The last half hour is above, all 6 hours are not: 0.596 %.
    case(fast, BELOW + ": 6 hours", burn((330, 1000, 0.57), (40, 1000, 0.8)), range(300, 371, 5))
    case(fast, FIRES + ": 30 minutes", burn((200, 1000, 1.2), (60, 1000, 0.61)), (),
         {240: said(kind, (200 * 1.2 + 40 * 0.61) / 240)})
    case(fast, BELOW + ": 30 minutes", burn((200, 1000, 1.2), (60, 1000, 0.59)), [240])
    # Of a request a minute 10.15 and 9.85 are bad in the long window; of the other pair one half
    # is not enough: in 6 hours there was much traffic, or in one hour there are fewer bad ones.
    few = 100 / 60 / PERCENT[kind]
    case(fast, FIRES + ": 10 in an hour", burn((300, 1000, 0), (70, 1, 10.15 * few)), (),
         {365: said(kind, 10.15 * few)})
    case(fast, BELOW + ": fewer in an hour", burn((300, 1000, 0), (70, 1, 9.85 * few)),
         range(300, 371, 5))
    case(fast, FIRES + ": 10 in 6 hours", burn((380, 0.3, 10.15 * few / 1.8)), [350],
         {370: said(kind, 10.15 * few / 1.8)})
    case(fast, BELOW + ": fewer in 6 hours", burn((380, 0.3, 9.85 * few / 1.8)),
         range(300, 371, 5))
    case(fast, BELOW + ": a request a minute, and one is bad", one_of_few(kind), range(200))
    case(fast, RESTART, burn((380, 1000, 0.61), restart=100), (),
         {step: said(kind, 0.61) for step in (90, 101, 102, 110, 150)})
    case(fast, RESTART + ", just below", burn((380, 1000, 0.59), restart=100),
         range(90, 120))
    case(fast, ZERO, burn((380, 0, 0)), range(0, 380, 20))
    case(fast, MISSING, {of("up"): steady(1)}, range(0, 380, 20))
    # The short window ends it, long before the long one.
    case(fast, RESOLVES, burn((300, 1000, 0), (30, 1000, 5), (30, 1000, 0)), [337],
         {329: said(kind, 29 * 5 / 60)})
    case(fast, OTHERS, burn((30, 1000, 5)) | burn((30, 1000, 0), namespace="m"), (),
         {10: said(kind, 5)})

    # ---- slow: 3 in a day and 2 hours, 1 in 3 days and 6 hours -----------------------------------

    slow = f"{kind}BudgetBurnSlow"
    # Much traffic on the days before: 3 days hold few errors.
    case(slow, FIRES, burn((2 * DAY, 10000, 0), (DAY + 20, 1000, 0.31)),
         [3 * DAY - 1, 3 * DAY + 5], {3 * DAY + 6: said(kind, 0.31)}, step=10)
    case(slow, BELOW, burn((2 * DAY, 10000, 0), (DAY + 20, 1000, 0.29)),
         range(2 * DAY, 3 * DAY + 20, 5), step=10)
    case(slow, FIRES + ": 2 hours",
         burn((2 * DAY, 10000, 0), (DAY - 20, 1000, 0.6), (40, 1000, 0.31)), (),
         {3 * DAY: said(kind, ((DAY - 20) * 0.6 + 20 * 0.31) / DAY)}, step=10)
    case(slow, BELOW + ": 2 hours",
         burn((2 * DAY, 10000, 0), (DAY - 20, 1000, 0.6), (40, 1000, 0.29)), [3 * DAY], step=10)
    case(slow, FIRES + ": 3 days", burn((4 * DAY, 1000, 0.11)), [6],
         {7: said(kind, 0.11), 4 * DAY - 1: said(kind, 0.11)}, step=10)
    case(slow, BELOW + ": 3 days", burn((4 * DAY, 1000, 0.09)), range(0, 4 * DAY, 20), step=10)
    case(slow, FIRES + ": 6 hours", burn((DAY, 1000, 0.2), (50, 1000, 0.11)), (),
         {DAY + 45: said(kind, (DAY * 0.2 + 45 * 0.11) / (DAY + 45))}, step=10)
    case(slow, BELOW + ": 6 hours", burn((DAY, 1000, 0.2), (50, 1000, 0.09)), [DAY + 45], step=10)
    case(slow, RESTART, burn((4 * DAY, 1000, 0.11), restart=100), (),
         {step: said(kind, 0.11) for step in (90, 101, 102, 150)}, step=10)
    case(slow, RESTART + ", just below", burn((4 * DAY, 1000, 0.09), restart=100),
         range(90, 120), step=10)
    case(slow, ZERO, burn((4 * DAY, 0, 0)), range(0, 4 * DAY, 20), step=10)
    case(slow, MISSING, {of("up"): steady(1)}, range(0, 400, 20), step=10)
    case(slow, RESOLVES, burn((100, 1000, 0.2), (DAY, 1000, 0)), [140],
         {100: said(kind, 0.2)}, step=10)
    case(slow, OTHERS, burn((30, 1000, 0.5)) | burn((30, 1000, 0), namespace="m"), (),
         {10: said(kind, 0.5)}, step=10)
