#include <nlohmann/json.hpp>
#include <string>

#include "host/scouting/pipeline/account.h"

namespace strobe::scouting {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const FaultCounts& counts) {
  Json out = Json::object();
  for (size_t fault = 0; fault < kFaults; ++fault) {
    if (counts[fault] > 0) out[std::string(name_of(static_cast<Fault>(fault)))] = counts[fault];
  }
  return out;
}

Json json_of(const Flow& flow) {
  return {{"in", flow.in},
          {"out", flow.out},
          {"rejected", flow.rejected},
          {"dropped", json_of(flow.dropped)},
          {"held", flow.held}};
}

Json json_of(const SourceAccount& source) {
  return {{"name", source.name},
          {"format", source.format},
          {"address", source.address},
          {"bytes", json_of(source.bytes)},
          {"orbits", json_of(source.orbits)},
          {"crossings", json_of(source.crossings)},
          {"objects", source.objects},
          {"missing_orbits", source.missing},
          {"breaks", source.breaks},
          {"last_orbit", source.last_orbit},
          {"faults", json_of(source.faults)}};
}

Json json_of(const ShadowAccount& shadow) {
  return {{"model", shadow.model},
          {"shadow", shadow.shadow},
          {"rows", shadow.rows},
          {"rows_differ", shadow.rows_differ},
          {"largest_difference", shadow.largest_difference},
          {"decisions_differ", shadow.decisions_differ},
          {"kept_by_model_alone", shadow.only_model},
          {"kept_by_shadow_alone", shadow.only_shadow}};
}

Json json_of(const WorkAccount& work) {
  Json models = Json::array(), shadows = Json::array();
  for (const ModelAccount& model : work.models) {
    models.push_back({{"name", model.name},
                      {"device", model.device},
                      {"rows", json_of(model.rows)},
                      {"batches", model.batches},
                      {"retries", model.retries}});
  }
  for (const ShadowAccount& shadow : work.shadows) shadows.push_back(json_of(shadow));
  const Latency& latency = work.latency;
  return {{"select_crossings", json_of(work.select)},
          {"models", models},
          {"keep_crossings", json_of(work.keep)},
          {"kept_by_prescale", work.prescaled},
          {"write_orbits", json_of(work.write_orbits)},
          {"write_crossings", json_of(work.write_crossings)},
          {"shadows", shadows},
          {"latency_us",
           {{"orbits", latency.total},
            {"mean", latency.total > 0 ? latency.sum_us / static_cast<double>(latency.total) : 0},
            {"median", latency.quantile_us(0.5)},
            {"p99", latency.quantile_us(0.99)},
            {"p999", latency.quantile_us(0.999)},
            {"longest", latency.largest_us}}}};
}

}  // namespace

std::string account_json(const Account& account) {
  Json sources = Json::array(), sinks = Json::array(), queues = Json::array();
  for (const SourceAccount& source : account.sources) sources.push_back(json_of(source));
  for (const SinkAccount& sink : account.sinks) {
    sinks.push_back({{"name", sink.name},
                     {"orbits", sink.counts.orbits},
                     {"crossings", sink.counts.crossings},
                     {"objects", sink.counts.objects},
                     {"bytes", sink.counts.bytes},
                     {"files", sink.counts.files},
                     {"retries", sink.retries}});
  }
  for (const QueueDepth& queue : account.queues)
    queues.push_back({{"name", queue.name}, {"depth", queue.depth}, {"capacity", queue.capacity}});
  Json out = {{"state", account.state}, {"run", account.run}, {"seconds", account.seconds}};
  if (!account.error.empty()) out["error"] = account.error;
  out["sources"] = sources;
  out["join"] = {{"orbits", json_of(account.join.orbits)},
                 {"complete", account.join.complete},
                 {"incomplete", account.join.incomplete},
                 {"lacking", account.join.lacking}};
  out.update(json_of(account.work));
  out["sinks"] = sinks;
  out["queues"] = queues;
  out["quarantine"] = {{"records", account.quarantine.records},
                       {"kept", account.quarantine.kept},
                       {"bytes", account.quarantine.bytes},
                       {"faults", json_of(account.quarantine.faults)}};
  // Names and paths are the user's bytes, and need not be UTF-8.
  return out.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace strobe::scouting
