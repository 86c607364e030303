#include "kernels/formula/scope.h"

#include <algorithm>
#include <numbers>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace strobe::formula {
namespace {

absl::Status flaw(const std::string& text) { return absl::InvalidArgumentError(text); }

/// Of x0, x1, ..., which are inputs where none are declared; -1 for other names.
int default_index(std::string_view name) {
  int index = -1;
  if (name.size() < 2 || name[0] != 'x' || (name[1] == '0' && name.size() > 2) || name[1] == '+' ||
      !absl::SimpleAtoi(absl::string_view(name.data() + 1, name.size() - 1), &index) || index >= kMostInputs)
    return -1;
  return index;
}

}  // namespace

absl::Status Scope::declare_input(const std::string& name, int64_t size) {
  std::vector<std::string>& inputs = builder_.formula().inputs;
  if (size >= 0) vectors_[name] = {static_cast<int>(inputs.size()), static_cast<int>(size)};
  for (int64_t i = 0; i < std::max<int64_t>(size, 1); ++i) {
    const std::string full = size < 0 ? name : absl::StrCat(name, i);
    if (!input_index_.try_emplace(full, static_cast<int>(inputs.size())).second)
      return flaw(absl::StrCat("input '", full, "' is declared twice"));
    if (static_cast<int64_t>(inputs.size()) >= kMostInputs)
      return flaw(absl::StrCat("more than ", kMostInputs, " inputs"));
    inputs.push_back(full);
  }
  declared_ = true;
  return absl::OkStatus();
}

absl::Status Scope::declare_table(Table table) {
  if (is_taken(table.name))
    return flaw(absl::StrCat("'", table.name, "' already means something; choose another name"));
  const std::string name = table.name;
  tables_[name] = builder_.add_table(std::move(table));
  return absl::OkStatus();
}

bool Scope::is_taken(const std::string& name) const {
  return tables_.contains(name) || bindings_.contains(name) || input_index_.contains(name) || vectors_.contains(name);
}

absl::Status Scope::check_free(const std::string& name) const {
  if (is_taken(name)) return flaw(absl::StrCat("'", name, "' already means something; choose another name"));
  if (!declared_ && default_index(name) >= 0)
    return flaw(absl::StrCat("'", name, "' is an input; declare the inputs to use that name"));
  return absl::OkStatus();
}

absl::StatusOr<TermId> Scope::variable(const std::string& name) {
  if (auto found = bindings_.find(name); found != bindings_.end()) return found->second;
  if (auto found = input_index_.find(name); found != input_index_.end()) return builder_.input(found->second);
  if (const int index = declared_ ? -1 : default_index(name); index >= 0) return default_input(index);
  if (name == "pi" || name == "\xcf\x80") return builder_.constant(std::numbers::pi);
  if (name == "E") return builder_.constant(std::numbers::e);
  if (name == "True" || name == "true") return builder_.constant(1);
  if (name == "False" || name == "false") return builder_.constant(0);
  return flaw(absl::StrCat("'", name, "' is neither an input nor defined above; ", known_inputs()));
}

TermId Scope::default_input(int index) {
  largest_default_input_ = std::max(largest_default_input_, index);
  return builder_.input(index);
}

std::string Scope::known_inputs() const {
  if (!declared_) return "inputs are x0, x1, ... unless a line such as `input pt, eta, x[16]` declares others";
  std::string list = "inputs: ";
  const std::vector<std::string>& inputs = builder_.formula().inputs;
  for (size_t i = 0; i < std::min<size_t>(inputs.size(), 20); ++i)
    absl::StrAppend(&list, i == 0 ? "" : ", ", inputs[i]);
  return inputs.size() > 20 ? list + ", ..." : list;
}

absl::StatusOr<TermId> Scope::element(const std::string& name, double index) {
  const auto vector = vectors_.find(name);
  if (vector == vectors_.end() && !declared_ && name == "x" && index >= 0 && index < kMostInputs)
    return default_input(static_cast<int>(index));
  if (vector == vectors_.end()) return flaw(absl::StrCat("'", name, "' is not a vector of inputs"));
  if (index < 0 || index >= vector->second.second) {
    return absl::OutOfRangeError(
        absl::StrCat("'", name, "' has ", vector->second.second, " elements, counted from 0; found '", index, "'"));
  }
  return builder_.input(vector->second.first + static_cast<int>(index));
}

int Scope::table(const std::string& name) const {
  const auto found = tables_.find(name);
  return found == tables_.end() ? -1 : found->second;
}

void Scope::finish_inputs() {
  if (declared_) return;
  for (int i = 0; i <= largest_default_input_; ++i) builder_.formula().inputs.push_back(absl::StrCat("x", i));
}

}  // namespace strobe::formula
