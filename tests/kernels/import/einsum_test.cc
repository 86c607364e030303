#include "kernels/import/einsum.h"

#include <gmock/gmock.h>

namespace strobe::import {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Einsum, AlongTheLastAxisIsDenseAsItStands) {
  const auto plan = plan_einsum("bnc,cC->bnC", "C", {5, 6}, {5, 7});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(plan->last_axis);
  EXPECT_THAT(plan->kernel, ElementsAre(6, 7));
  EXPECT_THAT(plan->bias, ElementsAre(7));
  EXPECT_THAT(plan->output, ElementsAre(5, 7));
}

TEST(Einsum, DotsStandForAxes) {
  const auto plan = plan_einsum("...x,xy->...y", "y", {4, 2}, {-1, 3});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(plan->last_axis);
  EXPECT_THAT(plan->output, ElementsAre(4, 3));
}

// Two positions of two features; a matrix of its own for each position.
TEST(Einsum, OneMatrixAPositionBecomesBlocks) {
  const auto plan = plan_einsum("bnc,ncd->bnd", "nd", {2, 2}, {2, 1});
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_FALSE(plan->last_axis);
  FloatLayer layer;
  layer.arrays["kernel"] = {{2, 2, 1}, {1, 2, 3, 4}};
  layer.arrays["bias"] = {{2, 1}, {5, 6}};
  flatten_einsum(*plan, {2, 2}, &layer);
  EXPECT_THAT(layer.arrays["kernel"].shape, ElementsAre(4, 2));
  EXPECT_THAT(layer.arrays["kernel"].data, ElementsAre(1, 0, 2, 0, 0, 3, 0, 4));
  EXPECT_THAT(layer.arrays["bias"].data, ElementsAre(5, 6));
}

// y[m][c] = sum_n x[n][c] k[n][m] + bias[c]
TEST(Einsum, AlongAnotherAxisMixesPositions) {
  const auto plan = plan_einsum("bnc,nm->bmc", "c", {2, 2}, {1, 2});
  ASSERT_TRUE(plan.ok()) << plan.status();
  FloatLayer layer;
  layer.arrays["kernel"] = {{2, 1}, {3, 7}};
  layer.arrays["bias"] = {{2}, {1, 2}};
  ElementQuantizer quantizer;
  quantizer.k = quantizer.i = {{1, 2, 1}, {1, 0}};
  quantizer.f = {{1}, {4}};
  layer.quantizers["input"] = quantizer;
  flatten_einsum(*plan, {2, 2}, &layer);
  EXPECT_THAT(layer.arrays["kernel"].data, ElementsAre(3, 0, 0, 3, 7, 0, 0, 7));
  EXPECT_THAT(layer.arrays["bias"].data, ElementsAre(1, 2));
  const auto& spread = std::get<ElementQuantizer>(layer.quantizers["input"]);
  EXPECT_THAT(spread.k.shape, ElementsAre(1, 4));
  EXPECT_THAT(spread.k.data, ElementsAre(1, 1, 0, 0));
  EXPECT_THAT(spread.f.data, ElementsAre(4, 4, 4, 4));
}

TEST(Einsum, OtherEquationsAreRefusedByName) {
  for (const char* equation : {"bnc,bcd->bnd", "bc,cd->db", "bc,cde->bd", "bcc,cd->bcd", "bc->b", "", "abc"}) {
    const auto plan = plan_einsum(equation, "", {3, 3}, {3, 3});
    EXPECT_FALSE(plan.ok()) << equation;
    EXPECT_THAT(std::string(plan.status().message()), HasSubstr(equation));
  }
  EXPECT_FALSE(plan_einsum("bnc,nm->bmc", "", {1 << 20, 64}, {64, 64}).ok());
}

}  // namespace
}  // namespace strobe::import
