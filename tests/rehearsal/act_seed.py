"""Act one: the seed's own attack, which made the original scale, started by Airflow. Four replicas
take it, and this says with how much CPU."""

import os
import re

import seed_attack  # first: stage says where the parts of the other tests are

import cpu
import prometheus
import requested
import service
from place import ROOT, Failed, eventually

TITLE = "Act one: the seed's own attack"
SHARE_MAX = 0.1      # of the CPU that the manifests request for four replicas
REACHED = 0.95       # of a phase's messages, sent within the phase's own time
LAG_SECONDS_MAX = 1  # messages of so many seconds are a lag near zero
ANSWERS = ("once", "missing", "doubled", "misplaced")
QUEUE = f'max(kafka_queue_length{{job="{service.SERVICE}"}})'
LAG = f'max(kafka_consumer_lag{{job="{service.SERVICE}"}})'
# What the original did with it, as its own report says.
ORIGINAL_REPLICAS, ORIGINAL_ASKED, ORIGINAL_REACHED = (4, 6), 500, 70
# The way the original scores: docs/bench.md has the row, CPU us a message the fourth figure.
BENCH, BENCH_ROW = ROOT / "docs/bench.md", r"^\| Python, pandas, XGBoost \|(.+)\|$"
BENCH_RATE, BENCH_CPU = 0, 2

prepare = seed_attack.prepare


def play(stage):
    with stage.record.act(TITLE):
        stage.calm()
        service.wait_until_settled()
        fired_before = prometheus.firing()
        attack = seed_attack.run(stage)
        if not attack.report:
            raise Failed(f"no report of the load test: {attack.log[-600:]}")
        pod = requested.by_the_manifests(stage.folder / "requested")
        told_by_airflow(stage, attack)
        answered(stage, attack)
        for phase in attack.phases():
            phase_taken(stage, phase, sum(pod.values()))
        cpu_used(stage, attack, pod)
        queue(stage, attack)
        replicas(stage, attack)
        alerts(stage, attack, fired_before)
        saving(stage, attack)


def told_by_airflow(stage, attack):
    returned, report = attack.returned, attack.report
    agreed = (returned.get("sent") == report["sent"] and returned.get("complete") is True
              and returned.get("verified") is True and returned.get("once") == report["sent"]
              and attack.gauges.get("once") == report["sent"])
    stage.record.check(
        "Airflow starts the attack (`airflow dags test attack_simulation`)",
        "the task succeeds, returns the load test's result, and Pushgateway has it",
        attack.states == {seed_attack.TASK: "success"} and agreed,
        f"{', '.join(map(' '.join, attack.states.items()))}; returned "
        f"{', '.join(f'{name} {value}' for name, value in returned.items()) or 'nothing'}; "
        f"Pushgateway: {', '.join(f'{name} {attack.gauges.get(name)}' for name in ANSWERS)}")


def answered(stage, attack):
    found, sent = attack.answered, attack.report["sent"]
    stage.record.check(
        "every message of the attack", "exactly one prediction or dead letter",
        attack.report["verified"] and found["once"] == sent
        and not any(found[name] for name in ANSWERS[1:]),
        f"{found['once']:,} of {sent:,} once: {found['predictions']:,} predictions, "
        f"{found['dead_letters']:,} dead letters; "
        + ", ".join(f"{found[name]} {name}" for name in ANSWERS[1:]))


def percent(cores, one_pod):
    """Of what four replicas request by the manifests."""
    return 100 * cores / (service.REPLICAS_MIN * one_pod)


def milliseconds(histogram):
    return f"{histogram['p99']:.0f} ms" if histogram.get("n") else "none"


def phase_taken(stage, phase, one_pod):
    report, used = phase.report, phase.used
    seconds = report["end_seconds"] - report["begin_seconds"]
    stage.record.check(
        f"{phase.rate:,.0f} messages/s for {seconds:,.0f} s",
        "asked, sent in time and acknowledged; "
        f"less than {SHARE_MAX:.0%} of the CPU that 4 replicas request",
        report["sent"] >= REACHED * report["asked"] and phase.acknowledged == report["asked"]
        and percent(used, one_pod) < 100 * SHARE_MAX,
        f"{report['asked']:,} asked, {report['sent']:,} sent in time, {phase.acknowledged:,} "
        f"acknowledged (p99 {milliseconds(report['acknowledged'])}); predictions visible after "
        f"p99 {milliseconds(report['visible'])}; {used:.3f} cores, {percent(used, one_pod):.1f} %; "
        f"lag at most {number(phase.lag)}")


def cpu_used(stage, attack, pod):
    one_pod, cores = sum(pod.values()), attack.cores()
    worst = max(attack.phases(), key=lambda phase: phase.used)
    share, highest = percent(sum(cores.values()), one_pod), percent(worst.used, one_pod)
    parts = " + ".join(f"{name} {round(1000 * value)}m" for name, value in pod.items())
    stage.record.check(
        "CPU of the 4 replicas, from the first message to the last",
        f"less than {SHARE_MAX:.0%} of the {4 * one_pod:.2f} cores that they request by "
        f"argocd/manifests ({parts} a pod)",
        max(share, highest) < 100 * SHARE_MAX,
        f"{sum(cores.values()):.3f} cores, {share:.1f} %; at most {worst.used:.3f} cores, "
        f"{highest:.1f} %, at {worst.rate:,.0f}/s; of that "
        + ", ".join(f"{name} {value:.3f}" for name, value in cpu.by_container(worst.cores).items()))
    [here] = {sum(requested.of_containers(pod["spec"]).values()) for pod in service.ready_pods()}
    stage.record.note(
        f"Percentages are of what the manifests request, {one_pod * 1000:.0f}m a pod. Four such "
        f"pods do not fit on this node of {os.cpu_count()} CPUs: here each requests "
        f"{here * 1000:.0f}m.")


def seen(stage, attack, figure):
    """The largest that the witness has seen since the attack's begin."""
    values = [sample[figure] for sample in stage.witness.since(attack.began)
              if sample[figure] is not None]
    return max(values, default=None)


def number(value):
    return "unknown" if value is None else f"{value:,.0f}"


def is_empty():
    return prometheus.value(QUEUE) == 0 and prometheus.value(LAG) == 0


def queue(stage, attack):
    bound = stage.plan.attack_rate * LAG_SECONDS_MAX
    lag = attack.lag(0, attack.report["phases"][-1]["end_seconds"])
    waiting, behind = seen(stage, attack, "queue"), seen(stage, attack, "lag")
    empty = bool(eventually(is_empty))
    stage.record.check(
        "queue and lag",
        f"at most what comes in {LAG_SECONDS_MAX} s ({bound:,}); 0 after the attack",
        empty and None not in (lag, waiting) and max(lag, waiting) <= bound,
        f"at most {number(lag)} messages as the load test asked the broker each second, "
        f"{number(waiting)} as Prometheus has it, {number(behind)} in one partition; "
        f"{'0' if empty else 'not 0'} after it")


def replicas(stage, attack):
    wanted = stage.witness.replicas_since(attack.began)
    ready = [sample["replicas_ready"] for sample in stage.witness.since(attack.began)
             if sample["replicas_ready"] is not None]
    hpa = seen(stage, attack, "hpa_percent")
    stage.record.check(
        "replicas during the attack", "4, all the time",
        wanted == [service.REPLICAS_MIN] and bool(ready) and set(ready) == {service.REPLICAS_MIN},
        f"{' -> '.join(map(str, wanted))} wanted, {min(ready, default=0)} to "
        f"{max(ready, default=0)} ready in {len(ready)} looks; the HPA's figure at most "
        f"{number(hpa)} % of what the pods request here")


def alerts(stage, attack, fired_before):
    fired = set(stage.witness.firing(attack.began))
    new = sorted(fired - fired_before)
    old = sorted(fired & fired_before)
    stage.record.check(
        "alerts about the service", "none fires because of the attack", not new,
        f"{', '.join(new) or 'none'}"
        + (f"; {', '.join(old)} fired before it began" if old else ""))


def bench_figures():
    """(messages/s, CPU us a message) of the original's way of scoring, one core."""
    row = re.search(BENCH_ROW, BENCH.read_text(), re.MULTILINE)
    if not row:
        raise Failed(f"{BENCH} has no row of the original's way of scoring")
    cells = [float(cell.strip().replace(",", "")) for cell in row[1].split("|")]
    return cells[BENCH_RATE], cells[BENCH_CPU]


def saving(stage, attack):
    fastest = max(attack.phases(), key=lambda phase: phase.rate)
    idle = sum(attack.cores_before().values())
    rate, us = bench_figures()
    original = fastest.rate * us / 1e6
    stage.record.note(
        f"**The saving, in cores.** The original went from {ORIGINAL_REPLICAS[0]} to "
        f"{ORIGINAL_REPLICAS[1]} replicas while its producer reached about {ORIGINAL_REACHED} of "
        f"the {ORIGINAL_ASKED} messages/s asked for. Here 4 replicas take {fastest.rate:,.0f} "
        f"messages/s with {fastest.used:.2f} cores, {1000 * fastest.used / fastest.rate:.3f} cores "
        f"for each 1,000 messages/s; the {idle:.3f} cores that they use without a message are in "
        f"it. The original's way, pandas and XGBoost for one message at a time, takes {us:.0f} us "
        f"of CPU a message and reaches {rate:,.0f} messages/s a core (docs/bench.md): "
        f"{original:.1f} cores for the same, without HTTP. Saved: "
        f"{original - fastest.used:.1f} cores, and the two replicas more.")
