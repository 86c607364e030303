#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "host/scouting/formats/find_format.h"
#include "host/scouting/selection/selection.h"
#include "yaml-cpp/yaml.h"

namespace strobe::scouting {
namespace {

using ::testing::HasSubstr;

model::Tensor tensor(const std::string& name, int64_t elements) {
  model::Tensor made;
  made.name = name;
  made.type = {{elements}, {model::FixedType::fixed(16, 6)}};
  return made;
}

std::string error_of(const std::string& config) {
  SelectionSetup setup;
  setup.sources = {{"gmt", find_format("gmt")}, {"calo", find_format("calo")}, {"late", find_format("gmt-zs")}};
  setup.models = {{"net", {tensor("x", 2)}, {tensor("y", 3)}}};
  const auto made = Selection::compile(YAML::Load(config), setup);
  if (made.ok()) return "no error";
  EXPECT_EQ(made.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(made.status().message());
}

const std::string kModel = "\nmodels: [{name: net, inputs: {x: [bx, orbit]}}]\n";
const std::string kList = "select: {good: {from: gmt.muon, first: 2}, all: {from: gmt.muon}}\n";

struct Case {
  std::string config;
  std::vector<std::string> parts;
};

TEST(SelectionErrors, SayWhereAndWhatWasExpectedAndFound) {
  const std::vector<Case> cases = {
      {"- a", {"configuration:1: ", "expected a map, found a list"}},
      {"select: [a]" + kModel, {"configuration:1: ", "select: expected a map, found a list"}},
      {"select:\n  good: {from: muon}" + kModel,
       {"configuration:2: ", "'muon', which several sources have", "gmt.muon", "late.muon"}},
      {"select:\n  good: {from: electron}" + kModel,
       {"configuration:2: ", "expected a collection (gmt.muon, calo.jet", "found 'electron'"}},
      {"select:\n  good: {where: pt}" + kModel, {"configuration:2: ", "expected 'from'"}},
      {"select:\n  good: {from: jet, wher: et}" + kModel, {"unknown key 'wher'; known: from, where, sort, first"}},
      {"select:\n  good: {from: jet, where: pt > 3}" + kModel,
       {"configuration:2: ", "where 'pt > 3'", "at character 1",
        "expected a field of jet (et, eta, phi, displaced, quality), found 'pt'"}},
      {"select:\n  good: {from: jet, first: 0}" + kModel, {"first: expected a whole number from 1 to 256, found '0'"}},
      {"select:\n  good: {from: jet, first: many}" + kModel, {"found 'many'"}},
      {"select: {bx: {from: jet}}" + kModel, {"the name 'bx' is taken by the language"}},
      {"select: {jet: {from: jet}}" + kModel, {"the name 'jet' is taken by a collection"}},
      {"select: {calo: {from: jet}}" + kModel, {"the name 'calo' is taken by a source"}},
      {"select: {good: {from: jet}}\nvalues: {good: 1}" + kModel,
       {"configuration:2: ", "the name 'good' is taken by a list"}},
      {"select: {a: {from: jet}, a: {from: jet}}" + kModel, {"select: 'a' is there twice"}},
      {absl::StrCat("select: {", std::string(65, 'a'), ": {from: jet}}", kModel),
       {"configuration:1: ", "expected a name of at most 64 bytes, found 65"}},
      {absl::StrCat("require: ", std::string(500, 'x'), kModel),
       {"configuration:1: require 'xxx", "xxx...': ", "a name of 500 characters"}},
      {"select: {2a: {from: jet}}" + kModel, {"expected a name of letters, digits and _, found '2a'"}},
      {"values: {net: 1}" + kModel, {"taken by a model"}},
      {"values: {a: 1, a: 2}" + kModel, {"'a' is there twice"}},
      {"values: {a: [1]}" + kModel, {"values: a: expected an expression, found a list"}},
      {"values:\n  a: pt + 1" + kModel, {"configuration:2: ", "unknown name 'pt'; known here: ", "bx", "net", "jet"}},
      {"values: {a: b, b: 1}" + kModel, {"unknown name 'b'"}},
      {"values: {a: \"bx +\"}" + kModel, {"at character 5: expected a number, a name or '(', found the end"}},
      {"values: {a: \"bx bx\"}" + kModel, {"expected an operator or the end, found 'bx'"}},
      {"values: {a: \"(bx\"}" + kModel, {"expected ')', found the end"}},
      {"values: {a: \"bx $ 2\"}" + kModel, {"a selection has no sign '$'"}},
      {"values: {a: \"2x\"}" + kModel, {"'2x' is neither a number nor a name"}},
      {"values: {a: \"1e999\"}" + kModel, {"'1e999' is too large a number"}},
      {"values: {a: \"1 < bx < 3\"}" + kModel, {"comparisons are not chained"}},
      {"values: {a: \"bx ? 1\"}" + kModel, {"expected ':', found the end"}},
      {"values: {a: \"" + std::string(300, '(') + "\"}" + kModel, {"more than 200 expressions in another"}},
      {"values: {a: \"" + std::string(5000, '-') + "1\"}" + kModel, {"more than 4000 words and signs"}},
      {"values: {a: \"jet[1.5].et\"}" + kModel, {"expected a whole number, found '1.5'"}},
      {"values: {a: \"jet[3:3].et\"}" + kModel, {"expected a range's end above its beginning 3, found 3"}},
      {"values: {a: \"jet[0].\"}" + kModel, {"expected a field's name after '.', found the end"}},
      {"values: {a: \"jet[0].pt\"}" + kModel,
       {"expected a field of jet (et, eta, phi, displaced, quality), found 'pt'"}},
      {"values: {a: \"jet[0]\"}" + kModel, {"expected a number, found an object; name one of its fields: et, eta"}},
      {"values: {a: jet}" + kModel, {"expected a number, found the list 'calo.jet'"}},
      {"values: {a: calo}" + kModel, {"found the source 'calo'; name one of its collections: jet, egamma"}},
      {"values: {a: \"count(calo.muon)\"}" + kModel, {"expected a collection of source 'calo' (jet, "}},
      {"values: {a: \"jet.et\"}" + kModel, {"'calo.jet' is a list: write [0] behind it"}},
      {"values: {a: \"jet[0:2].et\"}" + kModel, {"expected one number, found 2"}},
      {"values: {a: \"sum(jet[0:2].et + jet[0:3].eta)\"}" + kModel, {"expected 1 or 2 numbers, found 3"}},
      {"values: {a: \"jet[300].et\"}" + kModel, {"list 'calo.jet' has at most 256 objects to name, found [300]"}},
      {kList + "values: {a: \"good[2].pt\"}" + kModel,
       {"configuration:2: ", "list 'good' has 2 objects to name, found [2]"}},
      {kList + "values: {a: \"bx[2]\"}" + kModel, {"expected a list or a model's scores before '['"}},
      {kList + "values: {a: \"bx.pt\"}" + kModel, {"expected an object before '.'"}},
      {kList + "values: {a: \"sum(good.pt + all.pt)\"}" + kModel,
       {"expected fields of the one list that is counted or summed, 'good', found 'all'"}},
      {kList + "values: {a: \"sum(good.pt * max(good.pt))\"}" + kModel, {"max(...) over a list is of crossings"}},
      {kList + "values: {a: \"sum(at(-1, good.pt))\"}" + kModel, {"at(...) is of crossings"}},
      {kList + "values: {a: \"sum(good.pt * known(1))\"}" + kModel, {"known(...) is of crossings"}},
      {kList + "values: {a: \"sum(good.pt * exists(good[0]))\"}" + kModel, {"exists is of named objects"}},
      {"values: {a: \"jump(3)\"}" + kModel, {"unknown function 'jump'; known: abs, at, charge"}},
      {"values: {a: \"sin(1, 2)\"}" + kModel, {"sin takes 1 argument, found 2"}},
      {"values: {a: \"mass(jet[0])\"}" + kModel, {"mass takes 2 arguments, found 1"}},
      {"values: {a: \"mass(1, 2)\"}" + kModel, {"expected an object, such as good[0]"}},
      {"values: {a: \"sum(mass(jet[0:2], jet[0:3]))\"}" + kModel, {"expected 1 or 2 objects, found 3"}},
      {"values: {a: \"charge(jet[0])\"}" + kModel, {"expected a field of jet", "found 'charge'"}},
      {"values: {a: \"mass(jet[0], total_et)\"}" + kModel, {"expected a field of total_et", "found 'eta'"}},
      {"values: {a: \"delta_phi(jet[0], gmt.muon[0])\"}" + kModel,
       {"delta_phi is in hardware units, which differ between jet and muon"}},
      {"values: {a: \"phys(bx)\"}" + kModel, {"phys takes a field of an object, such as good[0].pt"}},
      {"values: {a: \"phys(3)\"}" + kModel, {"phys takes a field of an object"}},
      {"values: {a: \"at(bx, 3)\"}" + kModel, {"expected a whole number of crossings, such as -1"}},
      {"values: {a: \"at(-2000, bx)\"}" + kModel, {"expected at most 1000 crossings before or after, found -2000"}},
      {"values: {a: \"at(-1, net[0])\"}" + kModel, {"known of their own crossing only"}},
      {"values: {a: net}" + kModel, {"model 'net' has 3 scores; write net[0] for the first"}},
      {"values: {a: \"net[3]\"}" + kModel, {"model 'net' has 3 scores, found [3]"}},
      {"require: \"net[0] > 1\"" + kModel, {"require 'net[0] > 1'", "the scores of 'net' are not there yet here"}},
      {"values: {a: \"net[0]\"}\nrequire: \"a > 1\"" + kModel,
       {"configuration:2: ", "'a' needs a model's scores, which are not there yet here"}},
      {"values: {a: \"sum(net * sum(net * sum(net)))\"}" + kModel, {"at most 2 sums over scores inside one another"}},
      {"values: {a: 1}", {"models: expected one with the name 'net'"}},
      {"models: {name: net}", {"configuration:1: ", "models: expected a list, found a map"}},
      {"models: [net]", {"expected a map with a 'name'"}},
      {"models: [{name: other}]", {"expected one with the name 'net'"}},
      {"models: [{name: net}]", {"model 'net': inputs: expected expressions for x"}},
      {"models: [{name: net, inputs: {z: [1]}}]", {"unknown key 'z'; known: x"}},
      {"models: [{name: net, inputs: {}}]", {"expected expressions for 'x' too"}},
      {"models:\n- name: net\n  inputs:\n    x: [bx]",
       {"configuration:4: ", "input 'x': expected 2 numbers for [2] ap_fixed<16,6>, found 1"}},
      {"models: [{name: net, encoding: hex, inputs: {x: [1, 2]}}]", {"encoding: expected number or raw, found 'hex'"}},
      {"models: [{name: net, per: muons, inputs: {x: [1, 2]}}]",
       {"per: expected 'crossing' or a list of 'select', found 'muons'"}},
      {kList + "models: [{name: net, per: all, inputs: {x: [1, 2]}}]",
       {"configuration:2: ", "the list 'all' needs 'first: N'"}},
      {kList + "values: {a: \"good[0].net\"}\nmodels: [{name: net, per: good, inputs: {x: [1, 2]}}]",
       {"model 'net' has 3 scores an object; write [0] behind it"}},
      {kList + "values: {a: \"net[0]\"}\nmodels: [{name: net, per: good, inputs: {x: [1, 2]}}]",
       {"model 'net' has scores for each object: write good[0].net"}},
      {"keep: 3" + kModel, {"keep: expected a map, found '3'"}},
      {"keep: {were: 3}" + kModel, {"keep: unknown key 'were'; known: where, prescale"}},
      {"keep: {prescale: 0}" + kModel, {"keep: prescale: expected a whole number from 1"}},
  };
  for (const Case& each : cases) {
    const std::string message = error_of(each.config);
    for (const std::string& part : each.parts) EXPECT_THAT(message, HasSubstr(part)) << each.config.substr(0, 200);
  }
}

TEST(SelectionErrors, DamagedConfigurationsAreRefusedOrRun) {
  const uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  const std::string whole = kList + R"yaml(
values: {m: "mass(good[0], good[1]) > 3.5 ? at(-1, count(good)) : -sum(good.pt * 2)", s: "max(net) ^ 2"}
require: "count(all) >= 1 and not (m < 2 or exists(good[1]))"
models:
  - {name: net, per: crossing, encoding: raw, inputs: {x: ["good[0:1].(pt, eta)"]}}
keep: {where: "net[0] > 0.5", prescale: 10}
)yaml";
  const std::string signs = "()[]{}.,:?<>=!+-*/^ 0123456789abmnogdpt\"'\n";
  int accepted = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string damaged = whole;
    for (uint64_t k = 0; k <= random() % 3; ++k) {
      const size_t at = random() % damaged.size();
      if (random() % 3 == 0) {
        damaged.erase(at, 1 + random() % 4);
      } else if (random() % 2 == 0) {
        damaged[at] = signs[random() % signs.size()];
      } else {
        damaged.insert(at, damaged.substr(random() % damaged.size(), random() % 10));
      }
    }
    try {
      accepted += error_of(damaged) == "no error";
    } catch (const YAML::Exception&) {  // not YAML: whoever loads the file says so
    }
  }
  EXPECT_GT(accepted, 0);
}

TEST(SelectionErrors, LongChainsOfOperatorsAreFine) {
  std::string chain = "1";
  for (int i = 0; i < 1900; ++i) chain += " + bx";
  EXPECT_EQ(error_of("values: {a: \"" + chain + "\"}" + kModel), "no error");
}

TEST(SelectionErrors, AModelMayNotHaveTheNameOfAField) {
  SelectionSetup setup;
  setup.sources = {{"gmt", find_format("gmt")}};
  setup.models = {{"quality", {tensor("x", 1)}, {tensor("y", 1)}}};
  const auto made = Selection::compile(
      YAML::Load("select: {good: {from: muon, first: 1}}\nmodels: [{name: quality, per: good, inputs: [pt]}]"), setup);
  EXPECT_THAT(std::string(made.status().message()),
              HasSubstr("'quality' is the name of a field of the objects of 'good'"));
}

}  // namespace
}  // namespace strobe::scouting
