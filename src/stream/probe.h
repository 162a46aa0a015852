/*
 * probe.h - is the rowan-stream that writes to this metrics directory alive, is it ready?
 * For exec probes of Kubernetes: rowan-stream live, rowan-stream ready.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_STREAM_PROBE_H
#define RW_STREAM_PROBE_H

#include "stream/settings.h"

/* A thread whose heartbeat is older does not live.  The loop turns at least once a second;
 * a broker that is away does not stop it. */
#define RW_STREAM_HEARTBEAT_MAX 30.0 /* seconds */

/* True, or false with one line of why in *error. */
bool rw_stream_probe(const struct rw_stream_settings *settings, rowan_error *error);

#endif
