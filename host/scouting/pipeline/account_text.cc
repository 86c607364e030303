#include <string>

#include "absl/strings/str_format.h"
#include "host/scouting/pipeline/account.h"

namespace strobe::scouting {
namespace {

void row(std::string& text, const std::string& stage, const char* unit, const Flow& flow) {
  absl::StrAppendFormat(&text, "%-22s %-9s %15d %15d %13d %11d %9d  %s\n", stage, unit, flow.in, flow.out,
                        flow.rejected, flow.lost(), flow.held, text_of(flow.dropped));
}

void source_rows(std::string& text, const SourceAccount& source) {
  row(text, source.name, "bytes", source.bytes);
  row(text, "", "orbits", source.orbits);
  row(text, "", "crossings", source.crossings);
  absl::StrAppendFormat(&text, "%-22s %-9s %15s %15d\n", "", "objects", "", source.objects);
  if (source.missing > 0) absl::StrAppendFormat(&text, "%-22s gaps in the orbit numbers: %d\n", "", source.missing);
  if (source.breaks > 0)
    absl::StrAppendFormat(&text, "%-22s streams that ended before the run: %d\n", "", source.breaks);
}

void shadow_row(std::string& text, const ShadowAccount& shadow) {
  absl::StrAppendFormat(
      &text,
      "shadow %s of %s: %d rows, %d differ (by at most %g); %d decisions differ: %d kept by %s alone, %d by %s alone\n",
      shadow.shadow, shadow.model, shadow.rows, shadow.rows_differ, shadow.largest_difference, shadow.decisions_differ,
      shadow.only_model, shadow.model, shadow.only_shadow, shadow.shadow);
}

}  // namespace

std::string account_text(const Account& account) {
  std::string text = absl::StrFormat("run %d, %s, %.1f s%s%s\n", account.run, account.state, account.seconds,
                                     account.error.empty() ? "" : ": ", account.error);
  absl::StrAppendFormat(&text, "%-22s %-9s %15s %15s %13s %11s %9s\n", "stage", "", "in", "out", "rejected", "dropped",
                        "held");
  for (const SourceAccount& source : account.sources) source_rows(text, source);
  row(text, "join", "orbits", account.join.orbits);
  if (account.join.incomplete > 0)
    absl::StrAppendFormat(&text, "%-22s %d orbits went on incomplete\n", "", account.join.incomplete);
  row(text, "select", "crossings", account.work.select);
  for (const ModelAccount& model : account.work.models) row(text, model.name, "rows", model.rows);
  row(text, "keep", "crossings", account.work.keep);
  row(text, "write", "orbits", account.work.write_orbits);
  row(text, "", "crossings", account.work.write_crossings);
  for (const SinkAccount& sink : account.sinks) {
    absl::StrAppendFormat(&text, "%s: %d orbits, %d crossings, %d bytes, %d files", sink.name, sink.counts.orbits,
                          sink.counts.crossings, sink.counts.bytes, sink.counts.files);
    if (account.work.input_bytes > 0 && sink.counts.bytes > 0) {
      absl::StrAppendFormat(&text, " (%.4g of the input's bytes)",
                            static_cast<double>(sink.counts.bytes) / static_cast<double>(account.work.input_bytes));
    }
    text += "\n";
  }
  for (const ShadowAccount& shadow : account.work.shadows) shadow_row(text, shadow);
  const Latency& latency = account.work.latency;
  if (latency.total > 0) {
    absl::StrAppendFormat(
        &text, "last byte to scores: median %.0f us, 99 %% %.0f us, 99.9 %% %.0f us, longest %.0f us\n",
        latency.quantile_us(0.5), latency.quantile_us(0.99), latency.quantile_us(0.999), latency.largest_us);
  }
  if (account.quarantine.records > 0) {
    absl::StrAppendFormat(&text, "quarantine: %d records, %d kept, %d bytes\n", account.quarantine.records,
                          account.quarantine.kept, account.quarantine.bytes);
  }
  return text;
}

}  // namespace strobe::scouting
