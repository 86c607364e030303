#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "host/scouting/pipeline/account.h"

namespace strobe::scouting {
namespace {

void row(std::string& text, const std::string& stage, const char* unit, const Flow& flow,
         const std::string& note = "") {
  absl::StrAppendFormat(&text, "%-22s %-9s %15d %15d %13d %11d %9d  %s%s\n", stage, unit, flow.in, flow.out,
                        flow.rejected, flow.lost(), flow.held, text_of(flow.dropped), note);
}

/// Orbits that left a gap in the numbers behind: not those of which another one came, nor those handed on.
uint64_t damaged_orbits(const FaultCounts& dropped) {
  uint64_t sum = 0;
  for (size_t fault = 0; fault < static_cast<size_t>(Fault::kOutOfSequence); ++fault) sum += dropped[fault];
  return sum;
}

void source_rows(std::string& text, const SourceAccount& source) {
  row(text, source.name, "bytes", source.bytes);
  row(text, "", "orbits", source.orbits);
  row(text, "", "crossings", source.crossings);
  absl::StrAppendFormat(&text, "%-22s %-9s %15s %15d\n", "", "objects", "", source.objects);
  if (source.missing > 0) {
    absl::StrAppendFormat(&text, "%-22s gaps in the orbit numbers: %d, of which %d by orbits dropped as damaged\n", "",
                          source.missing, std::min(source.missing, damaged_orbits(source.orbits.dropped)));
  }
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

std::string latency_label(const Account& account) {
  const bool files = std::all_of(account.sources.begin(), account.sources.end(),
                                 [](const SourceAccount& source) { return source.is_file; });
  return absl::StrCat(files ? "decoded to " : "last byte to ", account.work.models.empty() ? "decision" : "scores");
}

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
  const uint64_t prescaled = account.work.prescaled;
  row(text, "keep", "crossings", account.work.keep,
      prescaled > 0 ? absl::StrFormat("(%d of them by the prescale alone)", prescaled) : "");
  row(text, "write", "orbits", account.work.write_orbits);
  row(text, "", "crossings", account.work.write_crossings);
  for (const SinkAccount& sink : account.sinks) {
    absl::StrAppendFormat(&text, "%s: %d orbits, %d crossings, %d bytes, %d files", sink.name, sink.counts.orbits,
                          sink.counts.crossings, sink.counts.bytes, sink.counts.files);
    if (account.work.input_bytes > 0 && sink.counts.bytes > 0) {
      absl::StrAppendFormat(&text, " (%.4g of the bytes that these orbits came in)",
                            static_cast<double>(sink.counts.bytes) / static_cast<double>(account.work.input_bytes));
    }
    text += "\n";
  }
  for (const ShadowAccount& shadow : account.work.shadows) shadow_row(text, shadow);
  const Latency& latency = account.work.latency;
  if (latency.total > 0) {
    absl::StrAppendFormat(&text, "%s: median %.0f us, 99 %% %.0f us, 99.9 %% %.0f us, longest %.0f us\n",
                          latency_label(account), latency.quantile_us(0.5), latency.quantile_us(0.99),
                          latency.quantile_us(0.999), latency.largest_us);
  }
  if (account.quarantine.records > 0) {
    absl::StrAppendFormat(&text, "quarantine: %d records (%s), %d kept, %d bytes\n", account.quarantine.records,
                          text_of(account.quarantine.faults), account.quarantine.kept, account.quarantine.bytes);
  }
  return text;
}

}  // namespace strobe::scouting
