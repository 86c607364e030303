#pragma once

#include <string>

#include "host/server/model_store.h"

namespace strobe::server {

/// What every loaded model did since it was opened, in Prometheus' text format (version 0.0.4) under the names that
/// dashboards and autoscalers of Triton servers know. All are counters with labels `model` and `version`; durations are
/// sums over requests, in microseconds. Thread-safe; never waits for a device.
std::string metrics_text(const ModelStore& store);

}  // namespace strobe::server
