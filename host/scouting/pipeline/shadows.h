#pragma once

#include <vector>

#include "host/scouting/pipeline/account.h"
#include "host/scouting/pipeline/results.h"

namespace strobe::scouting {

/// Compares shadow models with those that they shadow, on the same crossings: scores, and what would have been kept had
/// the shadow's scores stood in the model's place. Used by one thread.
class Shadows {
 public:
  explicit Shadows(const std::vector<std::unique_ptr<Model>>& models);
  bool any() const { return !pairs_.empty(); }
  const std::vector<ShadowAccount>& accounts() const { return accounts_; }
  /// `orbit` was filtered with the models' own scores; its selection's decisions are restored afterwards.
  void compare(const Selection& selection, Results& results, WorkOrbit& orbit, Workspace& workspace);

 private:
  struct Pair {
    size_t model, shadow;
  };
  void compare_scores(const std::vector<std::span<const double>>& model,
                      const std::vector<std::span<const double>>& shadow, size_t rows, ShadowAccount& account);

  std::vector<Pair> pairs_;
  std::vector<ShadowAccount> accounts_;  ///< by pair
  std::vector<Keep> kept_;
};

}  // namespace strobe::scouting
