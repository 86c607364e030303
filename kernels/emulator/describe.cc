#include "kernels/emulator/describe.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "kernels/emulator/forest_plan.h"
#include "kernels/emulator/kernels.h"

namespace strobe::emulator {
namespace {

std::string cycles(double value) { return value == 0 ? "-" : absl::StrFormat("%.0f", value); }

std::string describe(const ForestPlan& plan) {
  const std::string walked =
      plan.has_blocks
          ? absl::StrFormat("%.0f cycles an event walked by %d blocks", plan.blocks.cycles,
                            plan.blocks.blocks16.size() + plan.blocks.blocks32.size())
          : absl::StrFormat("%.0f cycles an event walked by %d steps", plan.walk.cycles, plan.walk.steps.size());
  if (!plan.sliced) return absl::StrCat("walked: ", walked);
  size_t cuts = 0;
  for (const ForestSlices::Feature& feature : plan.slices.features) cuts += feature.cuts;
  return absl::StrCat("sliced from ", plan.fewest_sliced, " events on: ", plan.slices.features.size(),
                      " features with ", cuts, " cuts, ", plan.slices.unions.size(), " unions, ",
                      plan.slices.choices.size(), " choices, ", plan.slices.lookups.size(), " lookups in ",
                      plan.slices.segments.size(), " sums, ", plan.slices.tables.size(), " bytes of tables; estimated ",
                      absl::StrFormat("%.0f", plan.slices.cycles), " cycles an event, ", walked);
}

}  // namespace

std::string describe(const Listing& listing, const Plan& plan) {
  const Program& p = plan.program;
  std::string text = absl::StrCat("instructions ", instruction_set(), has_byte_products() ? " with VNNI" : "",
                                  ", blocks of ", p.block, " events, ", plan.slots, " values in ", p.arena_bytes,
                                  " bytes, tables of ", p.tables.size(), " bytes\n");
  std::array<size_t, 3> rows_in = {};
  size_t terms = 0;
  for (const RowStep& row : p.rows) {
    ++rows_in[static_cast<int>(row.lane)];
    terms += row.count[0] + row.count[1] + row.count[2];
  }
  size_t words = 0, dot_rows = 0;
  for (const DotStep& dot : p.dots) {
    words += static_cast<size_t>(dot.sources) * dot.rows;
    dot_rows += dot.rows;
  }
  absl::StrAppend(&text, "  sums one by one: ", rows_in[0], " in 16 bits, ", rows_in[1], " in 32, ", rows_in[2],
                  " in 64, ", terms, " products; of packed words: ", dot_rows, " in ", p.dots.size(), " tiles, ", words,
                  " words\n");
  absl::StrAppend(&text, "  ", p.unpacks.size(), " unpacked, ", p.packs.size(), " packed words, ", p.lookups.size(),
                  " lookups, ", p.binaries.size(), " operations of two values, ", p.scalars.size(),
                  " scalar steps in 128 bits\n");
  if (plan.events.rows > 0) {
    absl::StrAppend(&text, "  fewer than ", plan.events.rows, " events: one by one, ", plan.events.steps.size(),
                    " steps of ", kEventLanes, " lanes, ", plan.events.sources.size(), " broadcast operands, ",
                    plan.events.constants.size(), " bytes of numbers\n");
  }
  for (const ForestStep& forest : p.forests) {
    absl::StrAppend(&text, "  forest ", describe(*forest.plan), "\n");
  }
  for (const Method& m : plan.methods) {
    if (m.node < 0) continue;
    absl::StrAppend(&text, "  layer '", listing.node_names[m.node], "' (", listing.node_ops[m.node], "): ", m.sums,
                    " sums of ", m.products, " products: ", m.chosen, "; cycles for 32 events one by one ",
                    cycles(m.row_cycles), ", in pairs ", cycles(m.pair_cycles), ", in fours ", cycles(m.byte_cycles),
                    "\n");
  }
  return text;
}

}  // namespace strobe::emulator
