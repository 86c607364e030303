#include "host/server/metrics_text.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "host/runtime/statistics.h"

namespace strobe::server {
namespace {

using runtime::Statistics;

struct Counter {
  const char* name;
  const char* help;
  uint64_t (*value)(const Statistics&);
};

uint64_t microseconds(const runtime::Duration& duration) { return duration.ns / 1000; }

constexpr Counter kCounters[] = {
    {"nv_inference_request_success", "Requests answered well", [](const Statistics& s) { return s.success.count; }},
    {"nv_inference_request_failure", "Requests that failed by no fault of the client",
     [](const Statistics& s) { return s.fail.count; }},
    {"nv_inference_count", "Events (rows of batches) answered well", [](const Statistics& s) { return s.rows; }},
    {"nv_inference_exec_count", "Launches of the model on a device, one for a batch",
     [](const Statistics& s) { return s.launches; }},
    {"nv_inference_request_duration_us", "Time from submission to answer, of requests answered well",
     [](const Statistics& s) { return microseconds(s.success); }},
    {"nv_inference_queue_duration_us", "Time that requests waited for a device",
     [](const Statistics& s) { return microseconds(s.queue); }},
    {"nv_inference_compute_input_duration_us", "Time of requests in conversion to the device's format",
     [](const Statistics& s) { return microseconds(s.input); }},
    {"nv_inference_compute_infer_duration_us", "Time of requests on the device",
     [](const Statistics& s) { return microseconds(s.infer); }},
    {"nv_inference_compute_output_duration_us", "Time of requests in conversion from the device's format",
     [](const Statistics& s) { return microseconds(s.output); }},
};

std::string label_value(const std::string& text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}});
}

}  // namespace

std::string metrics_text(const ModelStore& store) {
  // One look at each model, so that its counters belong together.
  std::vector<std::pair<std::string, Statistics>> models;
  for (ServedModel* model : store.all()) {
    const std::string name = label_value(model->name);
    models.emplace_back(absl::StrCat("{model=\"", name, "\",version=\"", model->version_text, "\"} "),
                        model->runner->statistics());
  }
  std::string text;
  for (const Counter& counter : kCounters) {
    absl::StrAppend(&text, "# HELP ", counter.name, " ", counter.help, "\n# TYPE ", counter.name, " counter\n");
    for (const auto& [labels, statistics] : models) {
      absl::StrAppend(&text, counter.name, labels, counter.value(statistics), "\n");
    }
  }
  return text;
}

}  // namespace strobe::server
