#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/formula/builder.h"

namespace strobe::formula {

inline constexpr int64_t kMostInputs = 65536;

/// What names mean at a place of a text: inputs, vectors of inputs, tables, names for expressions. Errors have no
/// place; the caller knows it.
class Scope {
 public:
  explicit Scope(Builder& builder) : builder_(builder) {}

  /// An input of that name, or `size` of them: x[4] is x0 to x3. From then on x0, x1, ... mean nothing by themselves.
  absl::Status declare_input(const std::string& name, int64_t size = -1);
  absl::Status declare_table(Table table);
  /// InvalidArgument where the name is taken.
  absl::Status check_free(const std::string& name) const;
  void bind(const std::string& name, TermId term) { bindings_[name] = term; }

  absl::StatusOr<TermId> variable(const std::string& name);
  bool is_bound(const std::string& name) const { return bindings_.contains(name); }
  bool has_bindings() const { return !bindings_.empty(); }
  /// name[index], a whole number. OutOfRange where the vector is not so long.
  absl::StatusOr<TermId> element(const std::string& name, double index);
  /// The table's number, or -1.
  int table(const std::string& name) const;

  /// Without a declaration the inputs are x0 to the last that was read.
  void finish_inputs();

 private:
  bool is_taken(const std::string& name) const;
  TermId default_input(int index);
  std::string known_inputs() const;

  Builder& builder_;
  bool declared_ = false;
  int largest_default_input_ = -1;
  std::map<std::string, int, std::less<>> input_index_, tables_;
  std::map<std::string, std::pair<int, int>, std::less<>> vectors_;  ///< first element and number of elements
  std::map<std::string, TermId, std::less<>> bindings_;
};

}  // namespace strobe::formula
