/*
 * metrics_list.h - the one registration of every metric.
 *
 * RW_METRIC_LIST(X) calls
 *   X(id, name, type, value, merge, unit, labels, bounds, help)
 * once for each.  The enumeration, the table, the exposition, docs/metrics.md and the
 * tests come from here.  To add a metric, add a line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_METRICS_LIST_H
#define RW_METRICS_LIST_H

/* Names of the arrays of bounds in table.c. */

/* clang-format off */
#define RW_METRIC_LIST(X)                                                                          \
    X(PREDICTIONS, "ml_model_predictions_total", RW_COUNTER, RW_COUNT, RW_SUM, "",                 \
      "model,model_version,prediction_result", rw_no_bounds,                                       \
      "Transactions scored; each row of an array counts.")                                         \
    X(PREDICTION_DURATION, "ml_model_prediction_duration_seconds", RW_HISTOGRAM, RW_SECONDS,       \
      RW_SUM, "seconds", "model,model_version", rw_prediction_bounds,                              \
      "Time of the work from a request's body to its reply; an array is one observation.")     \
    X(FRAUD_PROBABILITY, "ml_model_fraud_probability", RW_HISTOGRAM, RW_REAL, RW_SUM, "",          \
      "model,model_version", rw_probability_bounds, "Fraud probabilities of the rows scored.")     \
    X(CONFIDENCE, "ml_model_confidence_score", RW_HISTOGRAM, RW_REAL, RW_SUM, "",                  \
      "model,model_version", rw_confidence_bounds,                                                 \
      "Confidence of the rows scored: the larger of p and 1 - p.")                                 \
    X(MODEL_ERRORS, "ml_model_errors_total", RW_COUNTER, RW_COUNT, RW_SUM, "", "error_type",       \
      rw_no_bounds, "Faults of the service itself: a healthy one has none.")                       \
    X(FAILED_PREDICTIONS, "ml_model_failed_predictions_total", RW_COUNTER, RW_COUNT, RW_SUM, "",   \
      "failure_reason", rw_no_bounds,                                                              \
      "Requests for a prediction that got none, whoever is to blame.")                             \
    X(ACTIVE_REQUESTS, "ml_model_active_requests", RW_GAUGE, RW_COUNT, RW_SUM, "", "",             \
      rw_no_bounds, "Requests for a prediction in progress.")                                      \
    X(MODEL_INFO, "ml_model_info", RW_INFO, RW_COUNT, RW_MAX, "",                                  \
      "model,model_version,model_type", rw_no_bounds, "Models that are served now.")               \
    X(MODEL_SERVED_AS, "ml_model_served_info", RW_INFO, RW_COUNT, RW_MAX, "",                      \
      "served_as,model,model_version", rw_no_bounds,                                               \
      "Version that each model of the configuration serves now, by the name that it has there.")   \
    X(SHADOWS, "ml_model_shadow_requests_total", RW_COUNTER, RW_COUNT, RW_SUM, "", "outcome",      \
      rw_no_bounds, "Predictions repeated with another model, its answer thrown away.")            \
    X(MODEL_LOADS, "ml_model_loads_total", RW_COUNTER, RW_COUNT, RW_SUM, "", "outcome",            \
      rw_no_bounds, "Model directories loaded or refused.")                                        \
    X(MODEL_LOAD_DURATION, "ml_model_load_duration_seconds", RW_HISTOGRAM, RW_SECONDS, RW_SUM,     \
      "seconds", "", rw_load_bounds,                                                               \
      "Time to read, compile and prove a model directory.")                                        \
    X(MODEL_LOADED_AT, "ml_model_loaded_timestamp_seconds", RW_GAUGE, RW_REAL, RW_MAX, "seconds",  \
      "model", rw_no_bounds, "Unix time at which the served version was loaded.")                  \
    X(MODEL_MEMORY, "ml_model_memory_usage_bytes", RW_GAUGE, RW_COUNT, RW_MAX, "bytes", "",        \
      rw_no_bounds, "Bytes of the compiled models; all processes share one copy.")                 \
    X(MODEL_CPU, "ml_model_cpu_usage_percent", RW_GAUGE, RW_REAL, RW_SUM, "percent", "",           \
      rw_no_bounds, "CPU time used in the last seconds, in percent of one core.")                  \
    X(HTTP_REQUESTS, "http_requests_total", RW_COUNTER, RW_COUNT, RW_SUM, "",                      \
      "method,endpoint,status_code", rw_no_bounds,                                                 \
      "Requests that have ended, whatever their outcome; 499 is a client that left.")              \
    X(HTTP_DURATION, "http_request_duration_seconds", RW_HISTOGRAM, RW_SECONDS, RW_SUM,            \
      "seconds", "method,endpoint", rw_http_bounds,                                                \
      "Time from a request's header to the end of its reply.")                                     \
    X(HTTP_IN_PROGRESS, "http_requests_in_progress", RW_GAUGE, RW_COUNT, RW_SUM, "", "",           \
      rw_no_bounds, "Requests whose header has been read and whose reply has not ended.")          \
    X(HTTP_ERRORS, "http_errors_total", RW_COUNTER, RW_COUNT, RW_SUM, "", "status_code",           \
      rw_no_bounds, "Requests that ended with a status of 400 or more.")                           \
    X(HTTP_REFUSED, "http_requests_refused_total", RW_COUNTER, RW_COUNT, RW_SUM, "", "reason",     \
      rw_no_bounds, "Requests refused to protect the service, by the guard that did it.")          \
    X(HTTP_QUEUE_DELAY, "http_queue_delay_seconds", RW_HISTOGRAM, RW_SECONDS, RW_SUM, "seconds",   \
      "", rw_http_bounds,                                                                          \
      "Time that requests waited in the socket before they were read; a sample of them.")          \
    X(HTTP_SHEDDING, "http_shedding", RW_GAUGE, RW_COUNT, RW_MAX, "", "", rw_no_bounds,            \
      "1 while requests of low priority are shed.")                                                \
    X(HTTP_CONNECTIONS, "http_connections", RW_GAUGE, RW_COUNT, RW_SUM, "", "", rw_no_bounds,      \
      "Connections in use, listening sockets included.")                                           \
    X(HTTP_CONNECTIONS_MAX, "http_connections_max", RW_GAUGE, RW_COUNT, RW_SUM, "", "",            \
      rw_no_bounds, "Connections that the workers can hold.")                                      \
    X(KAFKA_QUEUE, "kafka_queue_length", RW_GAUGE, RW_COUNT, RW_MAX, "", "topic", rw_no_bounds,    \
      "Messages of the topic that the group has not processed; of all its partitions.")            \
    X(KAFKA_LAG, "kafka_consumer_lag", RW_GAUGE, RW_COUNT, RW_MAX, "",                             \
      "topic,partition,consumer_group", rw_no_bounds,                                              \
      "Messages of the partition between the group's committed offset and its end.")               \
    X(KAFKA_LAG_AT, "kafka_lag_timestamp_seconds", RW_GAUGE, RW_REAL, RW_MAX, "seconds", "",       \
      rw_no_bounds, "Unix time at which the broker last told lag and queue.")                      \
    X(KAFKA_BROKER_UP, "kafka_broker_up", RW_GAUGE, RW_COUNT, RW_MIN, "", "", rw_no_bounds,        \
      "1 while the broker answers.")                                                               \
    X(KAFKA_CONSUMED, "kafka_messages_consumed_total", RW_COUNTER, RW_COUNT, RW_SUM, "", "topic",  \
      rw_no_bounds, "Messages consumed, counted when their transaction has committed.")            \
    X(KAFKA_PRODUCED, "kafka_messages_produced_total", RW_COUNTER, RW_COUNT, RW_SUM, "", "topic",  \
      rw_no_bounds, "Messages produced, counted when their transaction has committed.")            \
    X(KAFKA_DEAD_LETTERS, "kafka_dead_letters_total", RW_COUNTER, RW_COUNT, RW_SUM, "",            \
      "topic,reason", rw_no_bounds,                                                                \
      "Messages of the topic that could not be scored and went to the dead letters.")              \
    X(KAFKA_LATENCY, "kafka_end_to_end_latency_seconds", RW_HISTOGRAM, RW_REAL, RW_SUM,            \
      "seconds", "topic", rw_latency_bounds,                                                       \
      "Time from a message's timestamp to the commit of its prediction.")                          \
    X(KAFKA_TRANSACTIONS, "kafka_transactions_total", RW_COUNTER, RW_COUNT, RW_SUM, "", "outcome", \
      rw_no_bounds, "Transactions by their end; the messages of those that did not commit are "    \
      "scored again.")                                                                             \
    X(KAFKA_TRANSACTION_DURATION, "kafka_transaction_duration_seconds", RW_HISTOGRAM, RW_SECONDS,  \
      RW_SUM, "seconds", "", rw_latency_bounds, "Time from a transaction's first message to its "  \
      "commit.")                                                                                   \
    X(KAFKA_REBALANCES, "kafka_rebalances_total", RW_COUNTER, RW_COUNT, RW_SUM, "",                \
      "consumer_group,event", rw_no_bounds, "Changes of the partitions that this process reads.")  \
    X(KAFKA_PARTITIONS, "kafka_assigned_partitions", RW_GAUGE, RW_COUNT, RW_SUM, "", "topic",      \
      rw_no_bounds, "Partitions of the topic that this process reads.")                            \
    X(KAFKA_ERRORS, "kafka_client_errors_total", RW_COUNTER, RW_COUNT, RW_SUM, "", "error",        \
      rw_no_bounds, "Errors that the Kafka client reported, by its name for them.")                \
    X(STREAM_READY, "rowan_stream_ready", RW_GAUGE, RW_COUNT, RW_MIN, "", "", rw_no_bounds,        \
      "1 while every scoring thread has a model and a place in the group.")                        \
    X(STREAM_HEARTBEAT, "rowan_stream_heartbeat_timestamp_seconds", RW_GAUGE, RW_REAL, RW_MIN,     \
      "seconds", "", rw_no_bounds, "Unix time of the last turn of the slowest scoring thread.")    \
    X(SYNC_CHECKS, "ml_model_sync_checks_total", RW_COUNTER, RW_COUNT, RW_SUM, "",                 \
      "model,reference,outcome", rw_no_bounds, "Looks at the model registry by their end.")        \
    X(SYNC_SUCCESS, "ml_model_sync_last_success_timestamp_seconds", RW_GAUGE, RW_REAL, RW_MAX,     \
      "seconds", "model,reference", rw_no_bounds,                                                  \
      "Unix time at which the registry last answered, and what it names, if so, is served.")       \
    X(SYNC_UP, "ml_model_sync_registry_up", RW_GAUGE, RW_COUNT, RW_MAX, "", "model,reference",     \
      rw_no_bounds, "1 while the model registry answers.")                                         \
    X(SYNC_SWAPPED, "ml_model_sync_swapped_timestamp_seconds", RW_GAUGE, RW_REAL, RW_MAX,          \
      "seconds", "model,reference", rw_no_bounds, "Unix time of the last swap of the link.")       \
    X(SYNC_BYTES, "ml_model_sync_downloaded_bytes_total", RW_COUNTER, RW_COUNT, RW_SUM, "",        \
      "model,reference", rw_no_bounds, "Bytes of model files that were downloaded.")               \
    X(SYNC_DURATION, "ml_model_sync_download_duration_seconds", RW_HISTOGRAM, RW_SECONDS, RW_SUM,  \
      "seconds", "model,reference", rw_load_bounds, "Time to download a version.")                 \
    X(SYNC_REFUSED, "ml_model_sync_refused_total", RW_COUNTER, RW_COUNT, RW_SUM, "",               \
      "model,reference,reason", rw_no_bounds, "Versions of the registry that were refused.")       \
    X(SYNC_UNPROVED, "ml_model_sync_unproved", RW_GAUGE, RW_COUNT, RW_MAX, "", "model,reference",  \
      rw_no_bounds, "1 while a model is served that came without golden rows.")                    \
    X(SYNC_INFO, "ml_model_sync_info", RW_INFO, RW_COUNT, RW_MAX, "",                              \
      "model,reference,registry_version,model_version", rw_no_bounds,                              \
      "The registered version that is served now.")                                                \
    X(PROCESS_CPU, "process_cpu_seconds_total", RW_COUNTER, RW_SECONDS, RW_SUM, "seconds", "",     \
      rw_no_bounds, "User and system CPU time of all processes.")                                  \
    X(PROCESS_MEMORY, "process_resident_memory_bytes", RW_GAUGE, RW_COUNT, RW_SUM, "bytes", "",    \
      rw_no_bounds, "Resident memory of all processes; shared memory counts in each.")             \
    X(PROCESS_START, "process_start_time_seconds", RW_GAUGE, RW_REAL, RW_MIN, "seconds", "",       \
      rw_no_bounds, "Unix time of the start of the oldest process.")                               \
    X(PROCESS_FDS, "process_open_fds", RW_GAUGE, RW_COUNT, RW_SUM, "", "", rw_no_bounds,           \
      "Open file descriptors of all processes.")                                                   \
    X(PROCESS_MAX_FDS, "process_max_fds", RW_GAUGE, RW_COUNT, RW_SUM, "", "", rw_no_bounds,        \
      "Limits of open file descriptors of all processes, added up.")                               \
    X(METRICS_PAGES, "rowan_metrics_pages", RW_GAUGE, RW_COUNT, RW_SUM, "", "", rw_no_bounds,      \
      "Processes and scoring threads that write metrics now.")                                                         \
    X(METRICS_DROPPED, "rowan_metrics_dropped_total", RW_COUNTER, RW_COUNT, RW_SUM, "", "",        \
      rw_no_bounds, "Times that a series found no room in a page: its observations are lost.")
/* clang-format on */

#endif
