#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "host/scouting/pipeline/account.h"

namespace strobe::scouting {
namespace {

std::string quoted(const std::string& text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}});
}

/// One metric of Prometheus' text format: a head, then lines with labels.
class Metric {
 public:
  Metric(std::string& text, std::string name, const char* type, const char* help)
      : text_(text), name_(std::move(name)) {
    absl::StrAppend(&text_, "# HELP ", name_, " ", help, "\n# TYPE ", name_, " ", type, "\n");
  }
  template <typename Number>
  void line(const std::string& labels, Number value, const char* suffix = "") {
    absl::StrAppend(&text_, name_, suffix, labels.empty() ? "" : absl::StrCat("{", labels, "}"), " ", value, "\n");
  }

 private:
  std::string& text_;
  std::string name_;
};

struct NamedFlow {
  std::string labels;
  const Flow* flow;
};

std::vector<NamedFlow> flows(const Account& account) {
  std::vector<NamedFlow> out;
  const auto add = [&](const std::string& stage, const char* unit, const Flow& flow) {
    out.push_back({absl::StrCat("stage=\"", quoted(stage), "\",unit=\"", unit, "\""), &flow});
  };
  for (const SourceAccount& source : account.sources) {
    add("source." + source.name, "bytes", source.bytes);
    add("source." + source.name, "orbits", source.orbits);
    add("source." + source.name, "crossings", source.crossings);
  }
  add("join", "orbits", account.join.orbits);
  add("select", "crossings", account.work.select);
  for (const ModelAccount& model : account.work.models) add("model." + model.name, "rows", model.rows);
  add("keep", "crossings", account.work.keep);
  add("write", "orbits", account.work.write_orbits);
  add("write", "crossings", account.work.write_crossings);
  return out;
}

void flow_metrics(std::string& text, const Account& account) {
  const std::vector<NamedFlow> all = flows(account);
  Metric in(text, "strobe_scout_in_total", "counter", "Entered the stage");
  for (const NamedFlow& each : all) in.line(each.labels, each.flow->in);
  Metric out(text, "strobe_scout_out_total", "counter", "Left the stage for the next");
  for (const NamedFlow& each : all) out.line(each.labels, each.flow->out);
  Metric rejected(text, "strobe_scout_rejected_total", "counter", "Left out by a cut or prescale of the configuration");
  for (const NamedFlow& each : all) rejected.line(each.labels, each.flow->rejected);
  Metric dropped(text, "strobe_scout_dropped_total", "counter", "Lost in the stage, by reason");
  for (const NamedFlow& each : all) {
    for (size_t fault = 0; fault < kFaults; ++fault) {
      if (each.flow->dropped[fault] == 0) continue;
      dropped.line(absl::StrCat(each.labels, ",reason=\"", std::string(name_of(static_cast<Fault>(fault))), "\""),
                   each.flow->dropped[fault]);
    }
  }
  Metric held(text, "strobe_scout_held", "gauge", "In the stage now");
  for (const NamedFlow& each : all) held.line(each.labels, each.flow->held);
}

void source_metrics(std::string& text, const Account& account) {
  Metric faults(text, "strobe_scout_faults_total", "counter", "Faults seen in a source's stream");
  for (const SourceAccount& source : account.sources) {
    for (size_t fault = 0; fault < kFaults; ++fault) {
      faults.line(absl::StrCat("source=\"", quoted(source.name), "\",reason=\"",
                               std::string(name_of(static_cast<Fault>(fault))), "\""),
                  source.faults[fault]);
    }
  }
  Metric missing(text, "strobe_scout_missing_orbits", "gauge",
                 "Gaps in the orbit numbers: orbits that never came, or were dropped");
  for (const SourceAccount& source : account.sources)
    missing.line(absl::StrCat("source=\"", quoted(source.name), "\""), source.missing);
  Metric last(text, "strobe_scout_last_orbit", "gauge", "Number of the last orbit handed on");
  for (const SourceAccount& source : account.sources)
    last.line(absl::StrCat("source=\"", quoted(source.name), "\""), source.last_orbit);
}

void latency_metrics(std::string& text, const Latency& latency) {
  Metric metric(text, "strobe_scout_latency_seconds", "histogram", "From an orbit's last byte to its scores");
  uint64_t below = 0;
  for (size_t b = 0; b < Latency::kBuckets; ++b) {
    below += latency.counts[b];
    if (b % 4 == 0) metric.line(absl::StrCat("le=\"", Latency::limit_us(b) * 1e-6, "\""), below, "_bucket");
  }
  metric.line("le=\"+Inf\"", latency.total, "_bucket");
  metric.line("", latency.sum_us * 1e-6, "_sum");
  metric.line("", latency.total, "_count");
}

}  // namespace

std::string account_metrics(const Account& account) {
  std::string text;
  Metric state(text, "strobe_scout_state", "gauge", "1 for the state that the pipeline is in");
  for (const char* each : {"idle", "configured", "running", "paused", "error"})
    state.line(absl::StrCat("state=\"", each, "\""), account.state == each ? 1 : 0);
  Metric(text, "strobe_scout_run", "gauge", "Run number").line("", account.run);
  Metric(text, "strobe_scout_seconds", "gauge", "Seconds since the start of the run").line("", account.seconds);
  flow_metrics(text, account);
  source_metrics(text, account);
  Metric depth(text, "strobe_scout_queue_depth", "gauge", "Items in a queue now");
  for (const QueueDepth& queue : account.queues)
    depth.line(absl::StrCat("queue=\"", quoted(queue.name), "\""), queue.depth);
  Metric capacity(text, "strobe_scout_queue_capacity", "gauge", "Items that a queue can hold");
  for (const QueueDepth& queue : account.queues)
    capacity.line(absl::StrCat("queue=\"", quoted(queue.name), "\""), queue.capacity);
  Metric written(text, "strobe_scout_written_bytes_total", "counter", "Bytes that a sink wrote");
  for (const SinkAccount& sink : account.sinks)
    written.line(absl::StrCat("sink=\"", quoted(sink.name), "\""), sink.counts.bytes);
  latency_metrics(text, account.work.latency);
  return text;
}

}  // namespace strobe::scouting
