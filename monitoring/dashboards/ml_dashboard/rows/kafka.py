"""rowan-stream: what waits, what goes through, and how long it takes."""

from ..panels import COUNT, MESSAGES, PER_SECOND, SECONDS, SHARE, queries, series
from ..queries import quantiles

TITLE = "Kafka"
NONE = "No rowan-stream here"
PARTITION = "namespace_topic_partition_consumer_group"


def by_topic(counter):
    return f"sum by (topic) (rate(kafka_{counter}_total{{@pods}}[5m]))"


def panels():
    return [
        series("Messages that wait",
               "Messages of a topic that the group has not processed. Each pod whose broker "
               "answers tells it of the whole topic: the largest counts.", COUNT,
               queries(("namespace_topic:kafka_queue_length:max{@namespaces}",
                        "{{namespace}} {{topic}}")),
               alerts=["KafkaQueueHigh"], none=NONE),
        series("Lag of each partition",
               "Messages between the group's committed offset and the partition's end, by the pods "
               "whose broker answers.", COUNT,
               queries((f"{PARTITION}:kafka_consumer_lag:max{{@namespaces}}",
                        "{{namespace}} {{consumer_group}} {{topic}}/{{partition}}")),
               alerts=["KafkaConsumerLagHigh"], none=NONE),
        series("Consumed and produced",
               "Messages, counted when their transaction has committed. Nothing consumed while "
               "messages wait is a stall.", MESSAGES,
               queries(("sum by (topic) (rate(kafka_messages_consumed_total{@pods}"
                        "[$__rate_interval]))", "from {{topic}}"),
                       ("sum by (topic) (rate(kafka_messages_produced_total{@pods}"
                        "[$__rate_interval]))", "to {{topic}}")),
               runbooks=["KafkaProcessingStalled"], none=NONE),
        series("Dead letters",
               "Messages that could not be scored, by reason.", MESSAGES,
               queries(("sum by (topic, reason) (rate(kafka_dead_letters_total{@pods}[5m]))",
                        "{{topic}}: {{reason}}")),
               stacked=True, none="None"),
        series("Share of dead letters",
               "Of the messages consumed in 5 minutes.", SHARE,
               queries((f"{by_topic('dead_letters')} / ({by_topic('messages_consumed')} > 0)",
                        "{{topic}}")),
               alerts=["KafkaDeadLettersHigh"], none="None"),
        series("From message to prediction",
               "From a message's timestamp to the commit of its prediction: time in the queue is "
               "part of it.", SECONDS,
               queries(*quantiles("kafka_end_to_end_latency_seconds", "@pods", 0.5, 0.95, 0.99)),
               runbooks=["KafkaConsumerLagHigh"], none=NONE),
        series("Transactions",
               "By their end; the messages of one that did not commit are scored again.",
               PER_SECOND,
               queries(("sum by (outcome) (rate(kafka_transactions_total{@pods}"
                        "[$__rate_interval]))", "{{outcome}}")), stacked=True, none=NONE),
        series("Time of a transaction",
               "From a transaction's first message to its commit.", SECONDS,
               queries(*quantiles("kafka_transaction_duration_seconds", "@pods", 0.5, 0.99)),
               none=NONE),
        series("Rebalances",
               "Changes of the partitions that the pods read, in 10 minutes.", COUNT,
               queries(("sum by (consumer_group, event) (increase(kafka_rebalances_total{@pods}"
                        "[10m]))", "{{consumer_group}}: {{event}}")), none=NONE),
        series("Partitions of each pod",
               "Partitions that a pod reads; a pod with none has nothing to do.", COUNT,
               queries(("sum by (pod, topic) (kafka_assigned_partitions{@pods})",
                        "{{pod}} {{topic}}")), stacked=True, width=6, none=NONE),
        series("Broker and stream",
               "Pods whose broker answers, and pods in which every scoring thread has a model "
               "and a place in the group.", COUNT,
               queries(("sum by (namespace) (kafka_broker_up{@pods})",
                        "{{namespace}} broker answers"),
                       ("sum by (namespace) (rowan_stream_ready{@pods})",
                        "{{namespace}} stream ready")),
               runbooks=["KafkaBrokerUnreachable"], width=6, none=NONE),
        series("Age of what is told",
               "Time since the slowest scoring thread's last turn, and since the broker last told "
               "lag and queue to the pod that it left waiting longest: above a minute numbers of "
               "this row are old.", SECONDS,
               queries(("time() - min by (namespace) "
                        "(rowan_stream_heartbeat_timestamp_seconds{@pods})",
                        "{{namespace}} heartbeat"),
                       ("time() - min by (namespace) (kafka_lag_timestamp_seconds{@pods} > 0)",
                        "{{namespace}} lag")),
               runbooks=["KafkaProcessingStalled"], width=6, none=NONE),
        series("Errors of the client",
               "That the Kafka client reported, by its name for them, in 10 minutes.", COUNT,
               queries(("sum by (error) (increase(kafka_client_errors_total{@pods}[10m]))",
                        "{{error}}")),
               runbooks=["KafkaBrokerUnreachable"], width=6, none="None"),
    ]
