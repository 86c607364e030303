#include "host/scouting/selection/selection.h"

#include <algorithm>

#include "host/scouting/selection/config.h"
#include "host/scouting/selection/impl.h"
#include "host/scouting/selection/kernels.h"

namespace strobe::scouting {

using selection::Column;
using selection::Columns;
using selection::kBlockRows;
using selection::Leaf;
using selection::List;
using selection::Operand;
using selection::Plan;
using selection::Program;
using selection::Rows;

namespace {

/// Gives every leaf its column, and the values theirs.
class Layout {
 public:
  explicit Layout(Selection::Impl& impl) : impl_(impl) {}

  void run() {
    for (selection::CollectionPlan& collection : impl_.plan.collections) {
      for (List& list : collection.lists) place_list(list);
    }
    for (selection::NamedValue& value : impl_.plan.values) value.column = take(false);
    std::vector<Leaf>& leaves = impl_.plan.leaves;
    impl_.unshifted.resize(leaves.size());
    for (size_t i = 0; i < leaves.size(); ++i) {
      if (leaves[i].shift != 0 && leaves[i].kind <= Leaf::Kind::kAggregate) {
        impl_.shifted_leaves.push_back(i);
        impl_.unshifted[i] = unshifted(leaves[i]);
        leaves[i].column = take(impl_.unshifted[i].whole);
      } else {
        leaves[i].column = place(leaves[i]);
      }
    }
  }

 private:
  /// The column of a list that a leaf stands for, its shift aside.
  Column unshifted(const Leaf& leaf) const {
    const List& list = impl_.plan.collections[leaf.collection].lists[leaf.list];
    if (leaf.kind == Leaf::Kind::kCount) return list.count;
    if (leaf.kind == Leaf::Kind::kAggregate) return list.aggregates[leaf.item].column;
    return {true, list.fields[leaf.item].column.number + leaf.place};
  }

  Column take(bool whole, size_t columns = 1) {
    size_t& next = whole ? impl_.whole_columns : impl_.real_columns;
    const Column taken{whole, static_cast<int32_t>(next)};
    next += columns;
    return taken;
  }

  void place_list(List& list) {
    for (selection::LeadingField& field : list.fields) field.column = take(true, static_cast<size_t>(list.places) + 1);
    if (list.counted) list.count = take(true);
    for (selection::Aggregate& each : list.aggregates) each.column = take(each.column.whole);
  }

  Column place(const Leaf& leaf) {
    switch (leaf.kind) {
      case Leaf::Kind::kField:
      case Leaf::Kind::kCount:
      case Leaf::Kind::kAggregate:
        return unshifted(leaf);
      case Leaf::Kind::kCrossing:
      case Leaf::Kind::kKnown:
        return take(true);
      case Leaf::Kind::kValue:
        return impl_.plan.values[leaf.list].column;
      case Leaf::Kind::kOrbit:
      case Leaf::Kind::kScore:
        break;
    }
    return take(false);
  }

  Selection::Impl& impl_;
};

/// Turns what a configuration says into programs.
class ProgramMaker {
 public:
  ProgramMaker(selection::Lowered& lowered, const SelectionSetup& setup, Selection::Impl& impl)
      : lowered_(lowered), setup_(setup), impl_(impl) {}

  void run() {
    impl_.plan = std::move(lowered_.plan);
    impl_.prescale = lowered_.prescale;
    set_reach();
    make_main();
    make_tensors();
    make_decision();
    for (selection::CollectionPlan& collection : impl_.plan.collections) {
      if (!collection.lists.empty()) collection.compile();
    }
    Layout(impl_).run();
  }

 private:
  void set_reach() {
    impl_.reach.first_crossing = setup_.first_crossing;
    for (const Leaf& leaf : impl_.plan.leaves) {
      if (leaf.kind > Leaf::Kind::kAggregate && leaf.kind != Leaf::Kind::kKnown) continue;
      impl_.reach.before = std::max(impl_.reach.before, -leaf.shift);
      impl_.reach.after = std::max(impl_.reach.after, leaf.shift);
    }
  }

  void make_main() {
    selection::Terms& terms = impl_.plan.terms;
    std::vector<selection::TermId> stored;
    for (size_t i = 0; i < impl_.plan.values.size(); ++i) {
      const selection::NamedValue& value = impl_.plan.values[i];
      impl_.value_names.push_back(value.name);
      (value.late ? impl_.late : impl_.early).push_back(i);
      if (!value.late) stored.push_back(terms.to_real(value.term));
    }
    stored.push_back(lowered_.require == selection::kNoTerm ? terms.constant(1) : lowered_.require);
    impl_.main = Program::compile(terms, stored, {});
    // What is stored by name need not be computed again for tensors and decisions.
    for (size_t k = 0; k < impl_.early.size(); ++k) {
      const selection::Term& term = terms.at(stored[k]);
      if (term.op == selection::Op::kConstant || term.op == selection::Op::kLeaf) continue;
      Leaf leaf;
      leaf.kind = Leaf::Kind::kValue;
      leaf.list = impl_.early[k];
      given_[stored[k]] = impl_.plan.leaf(leaf);
    }
  }

  void make_tensors() {
    for (size_t m = 0; m < setup_.models.size(); ++m) {
      impl_.tensors.emplace_back();
      for (size_t i = 0; i < setup_.models[m].inputs.size(); ++i)
        impl_.tensors.back().push_back(make_tensor(setup_.models[m].inputs[i], lowered_.inputs[m][i]));
    }
  }

  selection::TensorPlan make_tensor(const model::Tensor& tensor, const selection::Lowered::Input& input) {
    selection::TensorPlan made;
    made.elements = static_cast<size_t>(tensor.type.elements());
    made.container_bytes = static_cast<size_t>(tensor.type.container() / 8);
    made.encoding = tensor.encoding;
    std::vector<selection::TermId> read;
    for (const std::vector<selection::TermId>& place : input.places) {
      std::vector<selection::ElementPlan> elements;
      for (size_t e = 0; e < place.size(); ++e) {
        selection::add_element(impl_.plan.terms, place[e], tensor.type.at(static_cast<int64_t>(e)), input.raw, made,
                               elements);
        read.push_back(elements.back().term);
      }
      made.places.push_back(std::move(elements));
    }
    made.program = Program::compile(impl_.plan.terms, {}, read, given_);
    return made;
  }

  void make_decision() {
    std::vector<selection::TermId> stored;
    for (const size_t i : impl_.late) stored.push_back(impl_.plan.terms.to_real(impl_.plan.values[i].term));
    stored.push_back(lowered_.keep == selection::kNoTerm ? impl_.plan.terms.constant(1) : lowered_.keep);
    impl_.decide = Program::compile(impl_.plan.terms, stored, {}, given_);
  }

  selection::Lowered& lowered_;
  const SelectionSetup& setup_;
  Selection::Impl& impl_;
  std::map<selection::TermId, int32_t> given_;
};

}  // namespace

size_t Selection::Impl::programs() const {
  size_t count = 2;
  for (const auto& model : tensors) count += model.size();
  return count;
}

size_t Selection::Impl::tensor_program(size_t model, size_t input) const {
  size_t index = 2 + input;
  for (size_t i = 0; i < model; ++i) index += tensors[i].size();
  return index;
}

TensorCounts& TensorCounts::operator+=(const TensorCounts& other) {
  saturated += other.saturated;
  wrapped += other.wrapped;
  not_finite += other.not_finite;
  return *this;
}

Selected::Selected() : state_(std::make_unique<State>()) {}
Selected::Selected(Selected&&) noexcept = default;
Selected& Selected::operator=(Selected&&) noexcept = default;
Selected::~Selected() = default;
uint32_t Selected::orbit() const { return state_->orbit; }
std::span<const uint16_t> Selected::crossings() const { return state_->crossings.view(); }
std::span<const uint32_t> Selected::passed() const { return state_->passed.view(); }
std::span<const Keep> Selected::kept() const { return state_->kept.view(); }
std::span<const double> Selected::value(size_t index) const {
  return {state_->columns.real(state_->values[index].number), state_->crossings.size()};
}

Workspace::Workspace() : state_(std::make_unique<State>()) {}
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;
Workspace::~Workspace() = default;

Selection::Selection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Selection::Selection(Selection&&) noexcept = default;
Selection& Selection::operator=(Selection&&) noexcept = default;
Selection::~Selection() = default;
int Selection::before() const { return impl_->reach.before; }
int Selection::after() const { return impl_->reach.after; }
const std::vector<std::string>& Selection::values() const { return impl_->value_names; }

absl::StatusOr<Selection> Selection::compile(const YAML::Node& config, const SelectionSetup& setup) {
  auto lowered = selection::read_config(config, setup);
  if (!lowered.ok()) return lowered.status();
  auto impl = std::make_unique<Impl>();
  ProgramMaker(**lowered, setup, *impl).run();
  return Selection(std::move(impl));
}

}  // namespace strobe::scouting
