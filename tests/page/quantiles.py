"""Prometheus' own histogram_quantile, by way of `promtool test rules`."""

import json
import subprocess



def bound(number):
    return "+Inf" if number == float("inf") else repr(float(number))


def assert_quantiles(folder, q, cases):
    """cases: [({upper bound: cumulative count}, expected)]; exactly what Prometheus gives."""
    series = [{"series": f'b{{case="{i}",le="{bound(le)}"}}', "values": repr(float(count))}
              for i, (buckets, _) in enumerate(cases) for le, count in buckets.items()]
    samples = [{"labels": f'{{case="{i}"}}', "value": expected}
               for i, (_, expected) in enumerate(cases)]
    test = {"rule_files": [], "evaluation_interval": "1m", "tests": [{
        "interval": "1m", "input_series": series, "promql_expr_test": [{
            "expr": f"histogram_quantile({q}, b)", "eval_time": "0m", "exp_samples": samples}]}]}
    path = folder / f"quantile-{q}.json"  # JSON is YAML
    path.write_text(json.dumps(test))
    done = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
