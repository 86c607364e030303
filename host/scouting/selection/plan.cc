#include "host/scouting/selection/plan.h"

namespace strobe::scouting::selection {

int32_t Plan::leaf(Leaf wanted) {
  if (wanted.shift != 0 && wanted.kind <= Leaf::Kind::kAggregate) {
    Leaf here = wanted;
    here.shift = 0;
    leaf(here);
  }
  const auto [found, is_new] = known_leaves_.try_emplace(wanted.key(), static_cast<int32_t>(leaves.size()));
  if (is_new) leaves.push_back(wanted);
  return found->second;
}

bool Plan::is_late(TermId term) {
  while (late.size() < terms.size()) {
    const Term& next = terms.at(static_cast<TermId>(late.size()));
    bool needs = next.op == Op::kLeaf && leaves[static_cast<size_t>(next.index)].kind == Leaf::Kind::kScore;
    for (const TermId argument : {next.a, next.b, next.c}) {
      if (argument != kNoTerm) needs |= late[static_cast<size_t>(argument)];
    }
    late.push_back(needs);
  }
  return late[static_cast<size_t>(term)];
}

}  // namespace strobe::scouting::selection
