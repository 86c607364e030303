#include "host/scouting/pipeline/shadows.h"

#include <algorithm>
#include <cmath>

namespace strobe::scouting {

Shadows::Shadows(const std::vector<std::unique_ptr<Model>>& models) {
  for (size_t shadow = 0; shadow < models.size(); ++shadow) {
    for (size_t model = 0; model < shadow; ++model) {
      if (models[shadow]->config().shadow_of != models[model]->name()) continue;
      pairs_.push_back({model, shadow});
      accounts_.push_back({});
      accounts_.back().model = models[model]->name();
      accounts_.back().shadow = models[shadow]->name();
    }
  }
}

void Shadows::compare(const Selection& selection, Results& results, WorkOrbit& orbit, Workspace& workspace) {
  if (pairs_.empty()) return;
  const auto kept = orbit.selected.kept();
  kept_.assign(kept.begin(), kept.end());
  const auto scores = results.scores_of(orbit);
  std::vector<std::vector<std::span<const double>>> swapped(scores.begin(), scores.end());
  for (size_t p = 0; p < pairs_.size(); ++p) {
    const auto [model, shadow] = pairs_[p];
    compare_scores(scores[model], scores[shadow], orbit.rows[model], accounts_[p]);
    swapped[model] = scores[shadow];
    selection.filter(swapped, orbit.selected, workspace);
    swapped[model] = scores[model];
    for (size_t c = 0; c < kept_.size(); ++c) {
      const bool by_model = kept_[c] == Keep::kSelected, by_shadow = orbit.selected.kept()[c] == Keep::kSelected;
      accounts_[p].decisions_differ += by_model != by_shadow;
      accounts_[p].only_model += by_model && !by_shadow;
      accounts_[p].only_shadow += by_shadow && !by_model;
    }
  }
  selection.filter(scores, orbit.selected, workspace);
}

void Shadows::compare_scores(const std::vector<std::span<const double>>& model,
                             const std::vector<std::span<const double>>& shadow, size_t rows, ShadowAccount& account) {
  account.rows += rows;
  for (size_t r = 0; r < rows; ++r) {
    bool differs = false;
    for (size_t o = 0; o < model.size(); ++o) {
      const size_t elements = model[o].size() / rows;
      for (size_t e = r * elements; e < (r + 1) * elements; ++e) {
        differs |= model[o][e] != shadow[o][e];
        account.largest_difference = std::max(account.largest_difference, std::abs(model[o][e] - shadow[o][e]));
      }
    }
    account.rows_differ += differs;
  }
}

}  // namespace strobe::scouting
