"""share/live/history.js: replicas, restarts, what a point adds up."""

import pytest

HISTORY = """async (scrapes) => {
  const { History } = await import("/live/history.js");
  const { read } = await import("/live/signals.js");
  const history = new History();
  return scrapes.map(([replica, time, text]) => {
    const point = history.add(replica, time, read(text));
    return [point && Object.fromEntries(point.rates), Object.fromEntries(history.gauges()),
            history.replicas, Object.fromEntries(history.models()),
            Object.fromEntries(history.counted())];
  });
}"""


def scrape(fraud=None, legitimate=None, **lines):
    text = "".join(f'ml_model_predictions_total{{model="m",prediction_result="{result}"}} {count}\n'
                   for result, count in (("fraud", fraud), ("legitimate", legitimate))
                   if count is not None)
    return text + lines.get("more", "")


@pytest.fixture
def feed(modules):
    return lambda *scrapes: modules.evaluate(HISTORY, scrapes)


def rates(answers):
    return [answer[0] for answer in answers]


def test_a_rate_is_the_increase_over_the_time_between(feed):
    found = feed(("a", 0, scrape(10, 100)), ("a", 2000, scrape(11, 104)),
                 ("a", 6000, scrape(11, 110)))
    assert rates(found) == [None, {"predictions:fraud": 0.5, "predictions:legitimate": 2},
                            {"predictions:fraud": 0, "predictions:legitimate": 1.5}]
    assert found[2][4] == {"predictions:fraud": 1, "predictions:legitimate": 10}


def test_a_series_that_appears_began_at_zero(feed):
    assert rates(feed(("a", 0, scrape(legitimate=5)), ("a", 1000, scrape(3, 5))))[1] == {
        "predictions:fraud": 3, "predictions:legitimate": 0}


@pytest.mark.parametrize("later, expected", [
    (scrape(2, 500), {"predictions:fraud": 2, "predictions:legitimate": 500}),
    (scrape(legitimate=150), {"predictions:legitimate": 150})])
def test_after_a_restart_every_counter_began_at_zero(feed, later, expected):
    """Also one that has passed its old value since: the other one tells."""
    assert rates(feed(("a", 0, scrape(10, 100)), ("a", 1000, later)))[1] == expected


def test_replicas_are_compared_with_themselves_and_added_up(feed):
    found = feed(("a", 0, scrape(legitimate=1000)), ("b", 1000, scrape(legitimate=5)),
                 ("a", 2000, scrape(legitimate=1200)), ("b", 3000, scrape(legitimate=25)))
    assert rates(found) == [None, None, {"predictions:legitimate": 100},
                            {"predictions:legitimate": 110}]
    assert [answer[2] for answer in found] == [["a"], ["a", "b"], ["a", "b"], ["a", "b"]]
    assert found[3][4] == {"predictions:legitimate": 220}


def test_a_replica_that_is_not_seen_for_a_minute_is_gone(feed):
    found = feed(("a", 0, scrape(legitimate=0)), ("b", 500, scrape(legitimate=0)),
                 ("a", 1000, scrape(legitimate=7)), ("b", 60_999, scrape(legitimate=0)),
                 ("b", 61_001, scrape(legitimate=0)))
    assert [answer[2] for answer in found[2:]] == [["a", "b"], ["a", "b"], ["b"]]
    assert rates(found)[3:] == [{"predictions:legitimate": 7}, {"predictions:legitimate": 0}]


def test_gauges_of_the_broker_are_the_largest_of_the_replicas(feed):
    lag = 'kafka_consumer_lag{{topic="t",partition="{}",consumer_group="g"}} {}\n'.format
    queue = 'kafka_queue_length{{topic="t"}} {}\n'.format
    found = feed(("a", 0, lag(0, 5) + lag(1, 6) + queue(20)), ("b", 1000, lag(0, 9) + queue(15)))
    assert found[1][1] == {"lag:t": 11, "queue:t": 20}


def test_a_replica_whose_broker_is_away_tells_nothing_of_it(feed):
    queue = 'kafka_queue_length{{topic="t"}} {}\nkafka_broker_up {}\n'.format
    found = feed(("a", 0, queue(5000, 0)), ("b", 1000, queue(3, 1)))
    assert [answer[1] for answer in found] == [{}, {"queue:t": 3}]


def test_models_with_the_replicas_that_serve_them(feed):
    info = 'ml_model_info{{model="fraud",model_version="{}",model_type="XGBoost"}} {}\n'.format
    found = feed(("a", 0, info("1.0.0", 1)), ("b", 1000, info("1.0.0", 0) + info("2.0.0", 1)))
    assert found[1][3] == {"fraud 1.0.0 (XGBoost)": ["a"], "fraud 2.0.0 (XGBoost)": ["b"]}


TEN_MINUTES = 600_000


@pytest.mark.parametrize("every", [2000, 30_000])
def test_ten_minutes_are_kept_however_often_it_asks(feed, every):
    found = feed(*(("a", every * i, scrape(legitimate=i)) for i in range(500)))
    assert found[-1][4] == {"predictions:legitimate": TEN_MINUTES // every}


def test_what_is_older_goes_also_when_another_replica_is_seen(feed):
    found = feed(("a", 0, scrape(legitimate=0)), ("a", 1000, scrape(legitimate=5)),
                 ("b", 1000 + TEN_MINUTES - 1, scrape(legitimate=0)),
                 ("c", 1000 + TEN_MINUTES, scrape(legitimate=0)))
    assert [answer[4] for answer in found[1:]] == [
        {"predictions:legitimate": 5}, {"predictions:legitimate": 5}, {}]


def test_what_was_counted_in_an_hour_does_not_count_as_of_the_last_ten_minutes(feed):
    hour = 3_600_000
    found = feed(("a", 0, scrape(legitimate=0)), ("a", hour, scrape(legitimate=7200)),
                 ("a", hour + 2000, scrape(legitimate=7206)))
    assert rates(found)[1:] == [{"predictions:legitimate": 2}, {"predictions:legitimate": 3}]
    assert [answer[4] for answer in found[1:]] == [{}, {"predictions:legitimate": 6}]


def test_an_increase_of_ten_minutes_counts(feed):
    found = feed(("a", 0, scrape(legitimate=0)), ("a", TEN_MINUTES, scrape(legitimate=9)),
                 ("a", 2 * TEN_MINUTES + 1, scrape(legitimate=20)))
    assert [answer[4] for answer in found[1:]] == [{"predictions:legitimate": 9}, {}]


# ---- when it asks again ------------------------------------------------------------------


@pytest.mark.parametrize("failures, retry_after, seconds", [
    (0, 0, 2), (1, 0, 4), (2, 0, 8), (3, 0, 16), (4, 0, 30), (50, 0, 30), (1, 10, 10),
    (4, 10, 30), (1, 9999, 30)])
def test_it_asks_less_often_while_it_is_refused(modules, failures, retry_after, seconds):
    assert modules.evaluate("""async (given) => {
      const { delayAfter } = await import("/live/poll.js");
      return delayAfter(...given);
    }""", [failures, 2000, retry_after]) == 1000 * seconds
