#include "kernels/emulator/rows.h"

#include <algorithm>

namespace strobe::emulator {
namespace {

using model::Rounding;

std::vector<int32_t> count_uses(const IntegerGraph& graph, const std::vector<ValueId>& outputs) {
  std::vector<int32_t> uses(graph.size(), 0);
  for (const ValueId v : outputs) ++uses[v];
  for (ValueId v = static_cast<ValueId>(graph.size()); v-- > 0;) {
    if (uses[v] > 0) for_each_operand(graph, graph.at(v), [&](ValueId operand) { ++uses[operand]; });
  }
  return uses;
}

bool is_root(IntegerOp op) {
  return op == IntegerOp::kLinear || op == IntegerOp::kTruncated || op == IntegerOp::kProduct ||
         op == IntegerOp::kMaximum || op == IntegerOp::kMinimum || op == IntegerOp::kSelect ||
         op == IntegerOp::kConstant;
}

Epilogue::Clip clip_kind(const Range& limits) {
  const bool low = limits.low > -kWidest;
  const bool high = limits.high < kWidest;
  return low && high ? Epilogue::kBoth : low ? Epilogue::kLow : high ? Epilogue::kHigh : Epilogue::kNone;
}

bool fits_int64(Wide v) { return v == static_cast<int64_t>(v); }

/// Takes an operation into the row's epilogue, whose order is fixed: wrap, round, clip, wrap. False where it has no
/// place.
bool absorb(Row& row, const IntegerNode& n, Range& limits) {
  Epilogue& e = row.epilogue;
  if (e.clip == Epilogue::kZeroOutside && n.op != IntegerOp::kWrap) return false;
  switch (n.op) {
    case IntegerOp::kWrap:
      if (n.width > 64 || row.has_wrap) return false;
      if (!row.has_round && !row.has_clip) {
        if (row.has_first_wrap) return false;
        e.first_wrap = static_cast<uint8_t>(n.width);
        e.first_wrap_signed = n.is_signed;
        row.has_first_wrap = true;
        return true;
      }
      e.wrap = static_cast<uint8_t>(n.width);
      e.wrap_signed = n.is_signed;
      row.has_wrap = true;
      return true;
    case IntegerOp::kRound:
      if (row.has_round || row.has_wrap || n.shift > 62) return false;
      // Rounding is monotone: clipping first is clipping to the rounded limits afterwards.
      if (limits.low > -kWidest) limits.low = model::shift_right_rounded(limits.low, n.shift, n.rounding);
      if (limits.high < kWidest) limits.high = model::shift_right_rounded(limits.high, n.shift, n.rounding);
      e.rounding = n.rounding;
      e.shift = static_cast<uint8_t>(n.shift);
      row.has_round = true;
      return true;
    case IntegerOp::kClip:
      if (row.has_wrap) return false;
      limits = {std::clamp(limits.low, n.limits.low, n.limits.high),
                std::clamp(limits.high, n.limits.low, n.limits.high)};
      row.has_clip = true;
      return true;
    case IntegerOp::kZero:
      if (row.has_wrap || row.has_clip) return false;
      limits = n.limits;
      e.clip = Epilogue::kZeroOutside;
      row.has_clip = true;
      return true;
    default:
      return false;
  }
}

/// Bits that the lane needs: those of every intermediate value whose upper bits matter.
int needed_bits(const IntegerGraph& graph, const Row& row) {
  const IntegerNode& first = graph.at(row.root != kNoValue ? row.root : row.source);
  const Epilogue& e = row.epilogue;
  Range range = first.range;
  int bits = 1;
  const bool modular = row.root == kNoValue || first.op == IntegerOp::kLinear || first.op == IntegerOp::kTruncated ||
                       first.op == IntegerOp::kProduct;
  if (e.first_wrap != 0 && modular) {
    // Sums and products are only needed modulo 2^first_wrap.
    const int width = e.first_wrap;
    range = e.first_wrap_signed ? Range{-(Wide{1} << (width - 1)), (Wide{1} << (width - 1)) - 1}
                                : Range{0, (Wide{1} << width) - 1};
  } else if (e.first_wrap != 0) {
    bits = std::max(bits, e.first_wrap + (e.first_wrap_signed ? 0 : 1));
  }
  // Lanes of 16 bits saturate where rounding adds: no harm where the result is cut at least as far down.
  const bool cut =
      e.shift <= 14 && (e.clip == Epilogue::kHigh || e.clip == Epilogue::kBoth) && e.high <= (32767 >> e.shift);
  if (e.shift != 0 && e.rounding != Rounding::kTrn && !(cut && signed_bits(range) <= 16)) {
    const Wide step = Wide{1} << e.shift;
    range = {range.low - step, range.high + step};
  }
  bits = std::max(bits, signed_bits(range));
  if (e.wrap != 0) bits = std::max(bits, e.wrap + (e.wrap_signed ? 0 : 1));
  return std::max(bits, signed_bits(graph.at(row.result).range));
}

Lane lane_of_bits(int bits) {
  return bits <= 16 ? Lane::k16 : bits <= 32 ? Lane::k32 : bits <= 64 ? Lane::k64 : Lane::k128;
}

/// Products that are cut before they are added must fit the lane themselves, unless the lane multiplies to the upper
/// half.
Lane truncated_lane(const IntegerGraph& graph, const IntegerNode& sum, Lane lane) {
  for (const IntegerTerm& t : graph.terms_of(sum)) {
    if (t.shift == 0) continue;
    Range product;
    if (!multiply(graph.at(t.value).range, {t.weight, t.weight}, product)) return Lane::k128;
    const Wide upper = t.weight << (16 - std::min(t.shift, 16));
    const bool high_half = lane == Lane::k16 && t.shift <= 16 && upper == static_cast<int16_t>(upper);
    if (!high_half) lane = std::max({lane, Lane::k32, lane_of_bits(signed_bits(product))});
    // A later term may widen the lane: half products then do not serve.
  }
  if (lane == Lane::k16) return lane;
  for (const IntegerTerm& t : graph.terms_of(sum)) {
    Range product;
    if (t.shift != 0 && multiply(graph.at(t.value).range, {t.weight, t.weight}, product)) {
      lane = std::max(lane, lane_of_bits(signed_bits(product)));
    }
  }
  return lane;
}

Lane choose_lane(const IntegerGraph& graph, const Row& row) {
  Lane lane = lane_of_bits(needed_bits(graph, row));
  const auto widen = [&](ValueId v) { lane = std::max(lane, lane_of(graph.at(v).range)); };
  if (row.root == kNoValue) {
    widen(row.source);
  } else {
    for_each_operand(graph, graph.at(row.root), widen);
    if (graph.at(row.root).op == IntegerOp::kTruncated) lane = truncated_lane(graph, graph.at(row.root), lane);
  }
  return lane;
}

}  // namespace

Lane lane_of(const Range& range) { return lane_of_bits(signed_bits(range)); }

Rows form_rows(const IntegerGraph& graph, const std::vector<ValueId>& outputs) {
  Rows result;
  result.uses = count_uses(graph, outputs);
  result.row_of.assign(graph.size(), -1);
  std::vector<Range> limits;
  for (ValueId v = 0; v < static_cast<ValueId>(graph.size()); ++v) {
    if (result.uses[v] == 0) continue;
    const IntegerNode& n = graph.at(v);
    if (n.op == IntegerOp::kInput || n.op == IntegerOp::kLookup || n.op == IntegerOp::kDivide ||
        n.op == IntegerOp::kForest) {
      continue;
    }
    const bool root = is_root(n.op);
    int32_t row = root || result.uses[n.a] != 1 ? -1 : result.row_of[n.a];
    if (row >= 0 && absorb(result.rows[row], n, limits[row])) {
      result.row_of[n.a] = -1;
    } else {
      row = static_cast<int32_t>(result.rows.size());
      result.rows.push_back({.root = root ? v : kNoValue, .source = root ? kNoValue : n.a});
      limits.push_back(IntegerGraph::kUnbounded);
      if (!root && !absorb(result.rows[row], n, limits[row])) result.rows[row].lane = Lane::k128;
    }
    result.rows[row].result = v;
    result.rows[row].members.push_back(v);
    result.row_of[v] = row;
  }
  for (size_t r = 0; r < result.rows.size(); ++r) {
    Row& row = result.rows[r];
    if (row.has_clip && row.epilogue.clip != Epilogue::kZeroOutside) row.epilogue.clip = clip_kind(limits[r]);
    row.epilogue.low =
        limits[r].low > -kWidest && fits_int64(limits[r].low) ? static_cast<int64_t>(limits[r].low) : INT64_MIN;
    row.epilogue.high =
        limits[r].high < kWidest && fits_int64(limits[r].high) ? static_cast<int64_t>(limits[r].high) : INT64_MAX;
    row.lane = std::max(row.lane, choose_lane(graph, row));
  }
  return result;
}

}  // namespace strobe::emulator
