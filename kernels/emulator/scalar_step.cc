#include "kernels/emulator/scalar_step.h"

#include <cstring>

#include "kernels/emulator/rows.h"

namespace strobe::emulator {
namespace {

Wide load(const Slot& slot, const std::byte* arena, size_t event) {
  const std::byte* place = arena + slot.offset + event * lane_bytes(slot.lane);
  const auto as = [&](auto value) {
    std::memcpy(&value, place, sizeof(value));
    return static_cast<Wide>(value);
  };
  switch (slot.lane) {
    case Lane::k16:
      return as(int16_t{});
    case Lane::k32:
      return as(int32_t{});
    case Lane::k64:
      return as(int64_t{});
    case Lane::k128:
      return as(Wide{});
  }
  return 0;
}

}  // namespace

void run_scalar_step(const IntegerGraph& graph, const ScalarStep& step, const Slot* slots, std::byte* arena,
                     size_t events) {
  const IntegerNode& node = graph.at(step.node);
  slots += step.first_slot;
  for (size_t e = 0; e < events; ++e) {
    // Operands come in the order in which `evaluate` asks for those of a sum; others it may ask for in any order.
    uint32_t next = 0;
    const bool is_sum = node.terms > 0;
    const auto value_of = [&](ValueId v) {
      if (is_sum) return load(slots[next++], arena, e);
      uint32_t i = 0, found = 0;
      for_each_operand(graph, node, [&](ValueId operand) { found = operand == v ? i++ : (i++, found); });
      return load(slots[found], arena, e);
    };
    const Wide value = graph.evaluate(node, value_of);
    std::memcpy(arena + step.target.offset + e * lane_bytes(step.target.lane), &value, lane_bytes(step.target.lane));
  }
}

}  // namespace strobe::emulator
