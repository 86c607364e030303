#include "kernels/emulator/slots.h"

#include <algorithm>
#include <map>

#include "kernels/emulator/forest_plan.h"

namespace strobe::emulator {
namespace {

/// Calls `read` for the slots that a step reads, then `write` for those it writes.
template <class Read, class Write>
void for_each_slot(Program& p, const Step& step, Read read, Write write) {
  switch (step.kind) {
    case Step::kRow: {
      RowStep& s = p.rows[step.index];
      const uint32_t terms = s.count[0] + s.count[1] + s.count[2];
      for (uint32_t t = 0; t < terms; ++t) read(p.terms[s.first_term + t].offset);
      return write(s.target.offset);
    }
    case Step::kDot: {
      DotStep& s = p.dots[step.index];
      for (uint32_t k = 0; k < s.sources; ++k) read(p.dot_sources[s.first_source + k]);
      if (s.word != DotStep::kNoWord) write(s.word);
      for (int r = 0; r < s.rows && s.stores; ++r) write(s.target[r].offset);
      return;
    }
    case Step::kPack: {
      PackStep& s = p.packs[step.index];
      for (int i = 0; i < 4; ++i) {
        if (s.present[i]) read(s.source[i].offset);
      }
      return write(s.target);
    }
    case Step::kUnpack: {
      UnpackStep& s = p.unpacks[step.index];
      read(s.source);
      read(s.source_high);
      return write(s.target.offset);
    }
    case Step::kLookup:
      read(p.lookups[step.index].index.offset);
      return write(p.lookups[step.index].target.offset);
    case Step::kBinary:
      for (Slot& source : p.binaries[step.index].source) read(source.offset);
      return write(p.binaries[step.index].target.offset);
    case Step::kForest: {
      for (Slot& source : p.forests[step.index].sources) read(source.offset);
      for (Slot& target : p.forests[step.index].targets) {
        if (target.offset != kUnusedWord) write(target.offset);
      }
      return;
    }
    case Step::kScalar: {
      ScalarStep& s = p.scalars[step.index];
      for (uint32_t i = 0; i < s.slots; ++i) read(p.scalar_slots[s.first_slot + i].offset);
      return write(s.target.offset);
    }
  }
}

/// Free places by size, and an end that grows.
class Arena {
 public:
  uint32_t take(uint32_t bytes) {
    auto& free = free_[bytes];
    if (!free.empty()) {
      const uint32_t place = free.back();
      free.pop_back();
      return place;
    }
    const uint32_t place = end_;
    end_ += bytes;
    return place;
  }
  void give(uint32_t place, uint32_t bytes) { free_[bytes].push_back(place); }
  uint32_t end() const { return end_; }

 private:
  std::map<uint32_t, std::vector<uint32_t>> free_;
  uint32_t end_ = 0;
};

}  // namespace

void assign_slots(const std::vector<uint32_t>& bytes, Program& program) {
  const size_t never = program.steps.size();
  std::vector<size_t> last_use(bytes.size(), 0);
  for (size_t s = 0; s < program.steps.size(); ++s) {
    const auto use = [&](uint32_t& slot) { last_use[slot] = s; };
    for_each_slot(program, program.steps[s], use, use);
  }
  for (const RowLayout& output : program.outputs) {
    for (const uint32_t slot : output.words) last_use[slot] = never;
  }

  Arena arena;
  std::vector<uint32_t> place(bytes.size(), 0);
  for (const RowLayout& input : program.inputs) {
    for (const uint32_t slot : input.words) {
      if (slot != kUnusedWord) place[slot] = arena.take(bytes[slot]);
    }
  }
  // A step's results never share a place with what it reads: lanes may differ in width.
  for (size_t s = 0; s < program.steps.size(); ++s) {
    std::vector<uint32_t> done;
    const auto finish = [&](uint32_t& slot) {
      if (last_use[slot] == s) done.push_back(slot);
    };
    for_each_slot(program, program.steps[s], finish, [&](uint32_t& slot) {
      finish(slot);
      place[slot] = arena.take(bytes[slot]);
    });
    std::sort(done.begin(), done.end());
    done.erase(std::unique(done.begin(), done.end()), done.end());
    for (const uint32_t slot : done) arena.give(place[slot], bytes[slot]);
  }

  const bool has_forest = !program.forests.empty();
  program.block = has_forest ? ForestSlices::kEvents : kLargestBlock;
  while (!has_forest && program.block > kSmallestBlock && program.block * arena.end() > kCacheBytes) program.block /= 2;
  program.arena_bytes = static_cast<uint32_t>(program.block * arena.end());
  program.forest_storage = program.arena_bytes;  // blocks are multiples of a cache line
  size_t storage = 0;
  for (const ForestStep& forest : program.forests) storage = std::max(storage, forest.plan->storage_bytes);
  program.arena_bytes += static_cast<uint32_t>(storage);
  const auto replace = [&](uint32_t& slot) {
    if (slot != kUnusedWord) slot = static_cast<uint32_t>(program.block * place[slot]);
  };
  for (const Step& step : program.steps) for_each_slot(program, step, replace, replace);
  for (auto* layouts : {&program.inputs, &program.outputs}) {
    for (RowLayout& layout : *layouts) std::for_each(layout.words.begin(), layout.words.end(), replace);
  }
}

}  // namespace strobe::emulator
