"""A new commit rolls out while clients ask without a pause, and no request fails."""

import argocd
import service
from load import Load
from place import wait_for
from table import check

FRESH, KEEPALIVE = 4, 4  # clients of each kind
LEVEL = {"LOG_LEVEL": "warning"}


def names(pods):
    return {pod["metadata"]["name"] for pod in pods}


def roll_out(message, **changes):
    """Rolls a commit out and back under load; the load, and how many pods were replaced by each."""
    service.wait_until_settled()
    body = service.request_file()
    with Load(service.url("/predict"), body, service.ANSWER, FRESH, KEEPALIVE) as load:
        before = names(service.pods())
        with service.committed(message, **changes) as made:
            argocd.refresh(service.APPLICATION)
            wait_for("other pods", lambda: not before & names(service.ready_pods()))
            service.wait_until_synced(made)
            service.wait_until_settled()
            after = names(service.pods())
        back = names(service.pods())
    return load, len(after - before), len(back - after)


def verdict(load, new, back):
    both = all(counts["200"] > 0 for counts in load.counts.values())
    return (load.failed == 0 and both and new == back == 4,
            f"{new} new pods, {back} by the revert; {load.describe()}; "
            f"{load.counts['fresh']['requests']} on fresh connections")


EXPECTED = "4 new pods, 4 by the revert; 0 failed requests"


@check("a commit changes a setting, under load", EXPECTED)
def new_configuration():
    return verdict(*roll_out("LOG_LEVEL=warning", config=LEVEL))


@check("a commit changes the image, under load", EXPECTED)
def new_image():
    return verdict(*roll_out("another image", tag=service.SECOND_TAG))
