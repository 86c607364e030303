#include <algorithm>
#include <cstring>
#include <numeric>

#include "host/scouting/selection/impl.h"
#include "host/scouting/selection/kernels.h"

namespace strobe::scouting {

using selection::Column;
using selection::Columns;
using selection::kBlockRows;
using selection::kNowhere;
using selection::Leaf;
using selection::List;
using selection::Operand;
using selection::Program;
using selection::RowRange;

namespace {

constexpr size_t kRowBytes = sizeof(double);
/// A block's column, with room for a register behind it.
constexpr size_t kBlockBytes = kBlockRows * kRowBytes + 64;

/// Sets up memory for all programs of a selection, once.
void prepare(const Selection::Impl& impl, Workspace::State& work) {
  if (work.owner == impl.identity) return;
  work.owner = impl.identity;
  work.collections.clear();
  work.collections.resize(impl.plan.collections.size());
  std::vector<const Program*> programs = {&impl.main, &impl.decide};
  for (const auto& model : impl.tensors) {
    for (const auto& tensor : model) programs.push_back(&tensor.program);
  }
  size_t registers = 0, leaves = 0;
  for (const Program* program : programs) {
    registers = std::max(registers, program->registers());
    leaves = std::max(leaves, program->leaves().size());
  }
  // Registers grow here only, so that operands that point to them stay.
  work.registers.resize(registers * kBlockBytes);
  work.gathered.resize(leaves * kBlockBytes);
  work.results.resize(kBlockBytes);
  work.operands.resize(programs.size());
  for (size_t i = 0; i < programs.size(); ++i) programs[i]->prepare(work.operands[i], work.registers, kBlockRows);
}

std::byte* mutable_at(Columns& columns, Column column, size_t row) {
  return column.whole ? reinterpret_cast<std::byte*>(columns.whole(column.number) + row)
                      : reinterpret_cast<std::byte*>(columns.real(column.number) + row);
}

/// Points a program's leaves at rows that follow each other.
void point_leaves(const Selection::Impl& impl, const Program& program, const Columns& columns, size_t row,
                  std::vector<Operand>& operands) {
  for (size_t i = 0; i < program.leaves().size(); ++i) {
    const Column column = impl.plan.leaves[static_cast<size_t>(program.leaves()[i])].column;
    operands[i].at = const_cast<std::byte*>(columns.at(column, row));
  }
}

/// Points them at copies of the rows of a list.
void gather_leaves(const Selection::Impl& impl, const Program& program, const Columns& columns,
                   std::span<const uint32_t> rows, Buffer<std::byte>& gathered, std::vector<Operand>& operands) {
  for (size_t i = 0; i < program.leaves().size(); ++i) {
    const Column column = impl.plan.leaves[static_cast<size_t>(program.leaves()[i])].column;
    std::byte* to = gathered.data() + i * kBlockBytes;
    if (column.whole) {
      selection::gather(columns.whole(column.number), rows.data(), rows.size(), reinterpret_cast<int32_t*>(to));
    } else {
      selection::gather(columns.real(column.number), rows.data(), rows.size(), reinterpret_cast<double*>(to));
    }
    operands[i].at = to;
  }
}

bool follow_each_other(std::span<const uint32_t> rows) { return rows.back() - rows.front() + 1 == rows.size(); }

/// All that is made of one orbit's objects and crossings.
class Evaluation {
 public:
  Evaluation(const Selection::Impl& impl, const OrbitView* previous, const OrbitView& current, const OrbitView* next,
             Selected::State& to, Workspace::State& work)
      : impl_(impl), current_(current), to_(to), work_(work) {
    if (impl.reach.before > 0 && is_neighbour(previous, current.number - 1)) previous_ = previous;
    if (impl.reach.after > 0 && is_neighbour(next, current.number + 1)) next_ = next;
  }

  void run() {
    // One crossing more than asked for: numbers from 0 to 3564 are taken, one more than an orbit has, so the one that
    // does not belong to it (0 or 3564, by `first_crossing`) lies a step outside.
    reach_ = impl_.reach;
    if (reach_.before > 0) ++reach_.before;
    if (reach_.after > 0) ++reach_.after;
    to_.orbit = current_.number;
    work_.rows.build(current_, reach_, to_.crossings);
    to_.columns.reset(impl_.whole_columns, impl_.real_columns, work_.rows.with_neighbours(reach_));
    to_.values.clear();
    for (const selection::NamedValue& value : impl_.plan.values) to_.values.push_back(value.column);
    to_.kept.clear();
    for (size_t i = 0; i < impl_.plan.collections.size(); ++i) fill_collection(i);
    fill_leaves();
    run_main();
  }

 private:
  static bool is_neighbour(const OrbitView* orbit, uint32_t number) {
    return orbit != nullptr && orbit->number == number;
  }

  void fill_collection(size_t index) {
    const selection::CollectionPlan& plan = impl_.plan.collections[index];
    if (plan.lists.empty()) return;
    const size_t rows = work_.rows.with_neighbours(reach_);
    clear_columns(plan, rows, to_.columns);
    if (const SourceOrbit* part = current_.parts[plan.source])
      add(plan, index, *part, work_.rows.range(current_, plan.source));
    for (const auto& [orbit, offset] : {std::pair(previous_, -1), std::pair(next_, 1)}) {
      const SourceOrbit* part = orbit == nullptr ? nullptr : orbit->parts[plan.source];
      if (part != nullptr) add(plan, index, *part, work_.rows.neighbour_range(*part, offset, reach_, work_.map));
    }
    finish_columns(plan, rows, to_.columns);
  }

  void add(const selection::CollectionPlan& plan, size_t index, const SourceOrbit& part, const RowRange& range) {
    const Collection& objects = part.collections[plan.collection];
    if (objects.first.empty()) return;
    add_objects(plan, objects, range, to_.columns, work_.collections[index]);
  }

  static bool is_complete(const OrbitView* orbit) {
    return orbit != nullptr && std::none_of(orbit->parts.begin(), orbit->parts.end(),
                                            [](const SourceOrbit* part) { return part == nullptr; });
  }

  void fill_leaves() {
    const std::span<const uint16_t> crossings = to_.crossings.view();
    const uint32_t first = reach_.first_crossing;
    const bool known[3] = {is_complete(previous_), is_complete(&current_), is_complete(next_)};
    for (const Leaf& leaf : impl_.plan.leaves) {
      const auto each = [&](auto* to, auto value) {
        for (size_t row = 0; row < crossings.size(); ++row)
          to[row] = value(selection::shifted(crossings[row], leaf.shift, first));
      };
      if (leaf.kind == Leaf::Kind::kCrossing) {
        each(to_.columns.whole(leaf.column.number), [](selection::Time time) { return time.crossing; });
      } else if (leaf.kind == Leaf::Kind::kKnown) {
        each(to_.columns.whole(leaf.column.number),
             [&](selection::Time time) { return known[time.orbit + 1] ? 1 : 0; });
      } else if (leaf.kind == Leaf::Kind::kOrbit) {
        each(to_.columns.real(leaf.column.number), [&](selection::Time time) {
          return static_cast<double>(current_.number + static_cast<uint32_t>(time.orbit));
        });
      }
    }
    int32_t shift = 0;
    for (const size_t index : impl_.shifted_leaves) {
      const Leaf& leaf = impl_.plan.leaves[index];
      if (shift != leaf.shift) {
        shift = leaf.shift;
        work_.neighbours.resize(crossings.size());
        work_.rows.neighbours(crossings, reach_, shift, work_.neighbours.data());
      }
      copy_shifted(impl_.unshifted[index], leaf.column);
    }
  }

  void copy_shifted(Column from, Column to) {
    const size_t rows = to_.crossings.size();
    if (to.whole) {
      selection::gather(to_.columns.whole(from.number), work_.neighbours.data(), rows, to_.columns.whole(to.number));
    } else {
      selection::gather(to_.columns.real(from.number), work_.neighbours.data(), rows, to_.columns.real(to.number));
    }
  }

  void run_main() {
    std::vector<Operand>& operands = work_.operands[0];
    const Program& program = impl_.main;
    const size_t pass = program.stored_operand(impl_.early.size());
    operands[pass].at = work_.results.data();
    const size_t rows = to_.crossings.size();
    to_.passed.resize(rows);
    size_t passed = 0;
    for (size_t row = 0; row < rows; row += kBlockRows) {
      const size_t count = std::min(kBlockRows, rows - row);
      point_leaves(impl_, program, to_.columns, row, operands);
      for (size_t i = 0; i < impl_.early.size(); ++i) {
        const Column column = impl_.plan.values[impl_.early[i]].column;
        operands[program.stored_operand(i)].at = mutable_at(to_.columns, column, row);
      }
      selection::run(program.code(), operands.data(), count);
      passed = add_passed(row, count, passed);
    }
    to_.passed.resize(passed);
  }

  /// Adds those of some rows that pass behind the first `passed` ones; returns how many there are then.
  size_t add_passed(size_t row, size_t count, size_t passed) {
    const auto* passes = reinterpret_cast<const int32_t*>(work_.results.data());
    uint32_t* const to = to_.passed.data();
    if (static_cast<size_t>(std::accumulate(passes, passes + count, 0)) == count) {
      std::iota(to + passed, to + passed + count, static_cast<uint32_t>(row));
      return passed + count;
    }
    for (size_t i = 0; i < count; ++i) {
      to[passed] = static_cast<uint32_t>(row + i);
      passed += static_cast<size_t>(passes[i]);
    }
    return passed;
  }

  const Selection::Impl& impl_;
  const OrbitView* previous_ = nullptr;
  const OrbitView& current_;
  const OrbitView* next_ = nullptr;
  Selected::State& to_;
  Workspace::State& work_;
  selection::Reach reach_;
};

const List* list_of(const Selection::Impl& impl, size_t model) {
  const auto& per = impl.plan.models[model].per;
  return per ? &impl.plan.list(*per) : nullptr;
}

/// The number that decides about a prescaled crossing: the same for each run, and evenly spread over any crossings.
uint64_t mixed(uint32_t orbit, uint16_t crossing) {
  uint64_t x = (uint64_t{orbit} << 12 | crossing) + 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

/// Puts a model's scores into the columns that want them.
class ScoreColumns {
 public:
  ScoreColumns(const Selection::Impl& impl, Selected::State& to) : impl_(impl), to_(to) {}

  void fill(size_t model, std::span<const std::span<const double>> outputs) {
    const selection::ModelPlan& plan = impl_.plan.models[model];
    const List* list = list_of(impl_, model);
    for (size_t slot = 0; slot < plan.score_leaf.size(); ++slot) {
      if (plan.score_leaf[slot] < 0) continue;
      double* to = to_.columns.real(impl_.plan.leaves[static_cast<size_t>(plan.score_leaf[slot])].column.number);
      size_t element = slot % plan.scores, output = 0;
      while (element >= plan.outputs[output]) element -= plan.outputs[output++];
      const double* from = outputs[output].data() + element;
      const size_t stride = plan.outputs[output];
      if (list == nullptr && stride == 1 && to_.passed.size() == to_.crossings.size()) {
        std::transform(from, from + to_.passed.size(), to, [](double score) { return score + 0.0; });
        continue;
      }
      std::fill_n(to, to_.crossings.size(), 0.0);
      if (list == nullptr) {
        for (const uint32_t row : to_.passed) {
          to[row] = *from + 0.0;
          from += stride;
        }
      } else {
        fill_objects(to_.columns.whole(list->count.number), static_cast<int32_t>(slot / plan.scores), from, stride, to);
      }
    }
  }

 private:
  void fill_objects(const int32_t* counts, int32_t place, const double* from, size_t stride, double* to) {
    for (const uint32_t row : to_.passed) {
      if (place < counts[row]) to[row] = from[static_cast<size_t>(place) * stride] + 0.0;
      from += static_cast<size_t>(counts[row]) * stride;
    }
  }

  const Selection::Impl& impl_;
  Selected::State& to_;
};

}  // namespace

void Selection::evaluate(const OrbitView* previous, const OrbitView& current, const OrbitView* next, Selected& selected,
                         Workspace& workspace) const {
  prepare(*impl_, workspace.state());
  Evaluation(*impl_, previous, current, next, selected.state(), workspace.state()).run();
}

size_t Selection::tensor_rows(size_t model, const Selected& selected) const {
  const Selected::State& from = selected.state();
  const List* list = list_of(*impl_, model);
  if (list == nullptr) return from.passed.size();
  const int32_t* counts = from.columns.whole(list->count.number);
  size_t rows = 0;
  for (const uint32_t row : from.passed) rows += static_cast<size_t>(counts[row]);
  return rows;
}

void Selection::tensor_crossings(size_t model, const Selected& selected, std::vector<uint32_t>& crossings) const {
  const Selected::State& from = selected.state();
  const List* list = list_of(*impl_, model);
  if (list == nullptr) return crossings.assign(from.passed.begin(), from.passed.end());
  const int32_t* counts = from.columns.whole(list->count.number);
  crossings.clear();
  for (const uint32_t row : from.passed) crossings.insert(crossings.end(), static_cast<size_t>(counts[row]), row);
}

TensorCounts Selection::write_tensor(size_t model, size_t input, const Selected& selected, Workspace& workspace,
                                     std::span<std::byte> rows) const {
  Workspace::State& work = workspace.state();
  prepare(*impl_, work);
  const Selected::State& from = selected.state();
  const selection::TensorPlan& plan = impl_->tensors[model][input];
  std::vector<Operand>& operands = work.operands[impl_->tensor_program(model, input)];
  const List* list = list_of(*impl_, model);
  work.targets.resize(kBlockRows);
  work.next_target.resize(kBlockRows);
  TensorCounts counts;
  size_t written = 0;
  for (size_t done = 0; done < from.passed.size(); done += kBlockRows) {
    const std::span<const uint32_t> block =
        from.passed.view().subspan(done, std::min(kBlockRows, from.passed.size() - done));
    if (follow_each_other(block)) {
      point_leaves(*impl_, plan.program, from.columns, block[0], operands);
    } else {
      gather_leaves(*impl_, plan.program, from.columns, block, work.gathered, operands);
    }
    selection::run(plan.program.code(), operands.data(), block.size());
    selection::TensorBlock to{operands.data(), 0, block.size(), nullptr,
                              rows.data() + written * plan.elements * plan.container_bytes};
    if (list == nullptr) {
      counts += write_block(plan, plan.places[0], to);
      written += block.size();
      continue;
    }
    const int32_t* objects = from.columns.whole(list->count.number);
    uint32_t next = 0;
    for (size_t i = 0; i < block.size(); ++i) {
      work.next_target[i] = next;
      next += static_cast<uint32_t>(objects[block[i]]);
    }
    to.targets = work.targets.data();
    for (size_t place = 0; place < plan.places.size(); ++place) {
      for (size_t i = 0; i < block.size(); ++i) {
        const bool exists = static_cast<int32_t>(place) < objects[block[i]];
        work.targets[i] = exists ? work.next_target[i] + static_cast<uint32_t>(place) : kNowhere;
      }
      to.first_read = place * plan.elements;
      counts += write_block(plan, plan.places[place], to);
    }
    written += next;
  }
  return counts;
}

void Selection::filter(std::span<const std::vector<std::span<const double>>> scores, Selected& selected,
                       Workspace& workspace) const {
  Workspace::State& work = workspace.state();
  prepare(*impl_, work);
  Selected::State& to = selected.state();
  for (size_t i = 0; i < impl_->plan.models.size(); ++i) ScoreColumns(*impl_, to).fill(i, scores[i]);
  const size_t rows = to.crossings.size();
  to.kept.resize(rows);
  const bool all = to.passed.size() == rows;
  std::fill(to.kept.begin(), to.kept.end(), all ? Keep::kSelected : Keep::kNo);
  if (!all) {
    for (const uint32_t row : to.passed) to.kept[row] = Keep::kSelected;
  }
  const Program& program = impl_->decide;
  std::vector<Operand>& operands = work.operands[1];
  operands[program.stored_operand(impl_->late.size())].at = work.results.data();
  for (size_t row = 0; row < rows; row += kBlockRows) {
    const size_t count = std::min(kBlockRows, rows - row);
    point_leaves(*impl_, program, to.columns, row, operands);
    for (size_t i = 0; i < impl_->late.size(); ++i) {
      const Column column = impl_->plan.values[impl_->late[i]].column;
      operands[program.stored_operand(i)].at = mutable_at(to.columns, column, row);
    }
    selection::run(program.code(), operands.data(), count);
    const auto* wanted = reinterpret_cast<const int32_t*>(work.results.data());
    Keep* const kept = to.kept.data() + row;
    for (size_t i = 0; i < count; ++i) kept[i] = wanted[i] != 0 ? kept[i] : Keep::kNo;
  }
  if (impl_->prescale == 0) return;
  for (size_t row = 0; row < rows; ++row) {
    if (to.kept[row] == Keep::kNo && mixed(to.orbit, to.crossings[row]) % impl_->prescale == 0)
      to.kept[row] = Keep::kPrescaled;
  }
}

}  // namespace strobe::scouting
