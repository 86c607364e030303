#include "host/scouting/selection/selection.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numbers>

#include "host/scouting/formats/find_format.h"
#include "yaml-cpp/yaml.h"

namespace strobe::scouting {
namespace {

/// A muon's words from what the tests care about.
struct Muon {
  uint32_t pt = 10, phi = 0;
  int32_t eta = 0;
  uint32_t quality = 12, charge = 0;
};

/// Builds orbits of global muons crossing by crossing.
class Muons {
 public:
  explicit Muons(uint32_t number = 5) {
    orbit_.format = find_format("gmt");
    orbit_.number = number;
    orbit_.collections.resize(1);
    orbit_.collections[0].format = orbit_.format->collections[0];
    orbit_.collections[0].first.push_back(0);
  }
  Muons crossing(uint16_t number, const std::vector<Muon>& muons) && {
    add(number, muons);
    return std::move(*this);
  }
  void add(uint16_t number, const std::vector<Muon>& muons) {
    Collection& all = orbit_.collections[0];
    orbit_.crossings.push_back(number);
    for (const Muon& m : muons) {
      all.narrow[0].push_back(m.phi | m.pt << 10 | m.quality << 19 | static_cast<uint32_t>(m.eta & 0x1ff) << 23);
      all.narrow[1].push_back(m.charge << 2 | 1u << 3);
      all.narrow[2].push_back(0);
    }
    all.first.push_back(static_cast<uint32_t>(all.narrow[0].size()));
  }
  const SourceOrbit& orbit() const { return orbit_; }

 private:
  SourceOrbit orbit_;
};

struct Fixture {
  SelectionSetup setup;
  Selected selected;
  Workspace workspace;
  std::unique_ptr<Selection> selection;

  explicit Fixture(const std::string& config, size_t sources = 1, std::vector<ModelSetup> models = {}) {
    for (size_t i = 0; i < sources; ++i) setup.sources.push_back({i == 0 ? "gmt" : "second", find_format("gmt")});
    setup.models = std::move(models);
    auto made = Selection::compile(YAML::Load(config), setup);
    EXPECT_TRUE(made.ok()) << made.status();
    if (made.ok()) selection = std::make_unique<Selection>(*std::move(made));
  }
  void evaluate(const std::vector<const SourceOrbit*>& parts) {
    selection->evaluate(nullptr, {5, parts}, nullptr, selected, workspace);
  }
  std::vector<double> value(const std::string& name) {
    const auto& names = selection->values();
    const auto found = std::find(names.begin(), names.end(), name);
    const auto column = selected.value(static_cast<size_t>(found - names.begin()));
    return {column.begin(), column.end()};
  }
};

model::Tensor tensor(const std::string& name, int64_t elements, const model::FixedType& type) {
  model::Tensor made;
  made.name = name;
  made.type = {{elements}, {type}};
  return made;
}

TEST(Selection, TakesTheLeadingObjectsThatPassTiesInOrderOfArrival) {
  Fixture f(R"yaml(
select:
  good: {from: muon, where: "quality >= 8", sort: pt, first: 2}
  low: {from: muon, sort: -pt}
values: {a: "good[0].phi", b: "good[1].phi", n: count(good), c: "low[0].phi", all: count(muon)}
)yaml");
  const Muons muons =
      Muons().crossing(1, {{5, 1}, {9, 2, 0, 3}, {7, 3}, {7, 4}}).crossing(9, {}).crossing(3000, {{7, 8}});
  f.evaluate({&muons.orbit()});
  EXPECT_EQ(f.value("a"), (std::vector<double>{3, 0, 8}));
  EXPECT_EQ(f.value("b"), (std::vector<double>{4, 0, 0}));
  EXPECT_EQ(f.value("n"), (std::vector<double>{2, 0, 1}));
  EXPECT_EQ(f.value("c"), (std::vector<double>{1, 0, 8}));
  EXPECT_EQ(f.value("all"), (std::vector<double>{4, 0, 1}));
  EXPECT_EQ(f.selected.passed().size(), 3);
}

TEST(Selection, MassIsThatOfTheTwoMomenta) {
  Fixture f(
      "values: {m: 'mass(muon[0], muon[1])', q: 'charge(muon[0]) * charge(muon[1])', d: 'delta_phi(muon[0], "
      "muon[1])'}");
  const Muons muons = Muons().crossing(1, {{41, 570, 100, 12, 1}, {21, 6, -50, 12, 0}}).crossing(2, {{41, 570, 100}});
  f.evaluate({&muons.orbit()});
  const double deta = 150 * 0.010875, dphi = 12 * 2 * std::numbers::pi / 576;
  EXPECT_NEAR(f.value("m")[0], std::sqrt(2 * 20.0 * 10.0 * (std::cosh(deta) - std::cos(dphi))), 1e-12);
  EXPECT_EQ(f.value("m")[1], 0);
  EXPECT_EQ(f.value("q"), (std::vector<double>{-1, 0}));
  EXPECT_EQ(f.value("d"), (std::vector<double>{-12, 0}));
}

TEST(Selection, WindowsReachOverOrbitBordersAndSayWhatIsKnown) {
  for (const uint32_t first : {0U, 1U}) {
    Fixture f("values: {before: 'at(-1, count(muon))', after: 'at(1, muon[0].pt)', known: 'known(-1) + 2 * known(1)'}");
    f.setup.first_crossing = first;
    auto selection =
        Selection::compile(YAML::Load("values: {before: 'at(-1, count(muon))', after: 'at(1, muon[0].pt)', "
                                      "known: 'known(-1) + 2 * known(1)', o: 'at(-1, orbit)'}"),
                           f.setup);
    ASSERT_TRUE(selection.ok()) << selection.status();
    EXPECT_EQ(selection->before(), 1);
    EXPECT_EQ(selection->after(), 1);
    const auto bx = [&](int number) { return static_cast<uint16_t>(number + static_cast<int>(first)); };
    const Muons previous = Muons(4).crossing(bx(3563), {{20}, {30}});
    const Muons current = Muons(5).crossing(bx(0), {{11}}).crossing(bx(1), {{12}}).crossing(bx(3563), {{13}});
    const Muons next = Muons(6).crossing(bx(0), {{44}});
    const SourceOrbit *p = &previous.orbit(), *c = &current.orbit(), *n = &next.orbit();
    const OrbitView views[] = {{4, {&p, 1}}, {5, {&c, 1}}, {6, {&n, 1}}};
    selection->evaluate(&views[0], views[1], &views[2], f.selected, f.workspace);
    EXPECT_EQ(f.value("before"), (std::vector<double>{2, 1, 0}));
    EXPECT_EQ(f.value("after"), (std::vector<double>{12, 0, 44}));
    EXPECT_EQ(f.value("known"), (std::vector<double>{3, 3, 3}));
    EXPECT_EQ(f.selected.value(3)[0], 4);
    selection->evaluate(nullptr, views[1], nullptr, f.selected, f.workspace);
    EXPECT_EQ(f.value("before"), (std::vector<double>{0, 1, 0}));
    EXPECT_EQ(f.value("after"), (std::vector<double>{12, 0, 0}));
    EXPECT_EQ(f.value("known"), (std::vector<double>{2, 3, 1}));
  }
}

TEST(Selection, AnOrbitThatIsNotTheNeighbourCountsAsMissing) {
  Fixture f("values: {before: 'at(-1, count(muon))', known: known(-1)}");
  const Muons far = Muons(3).crossing(3563, {{20}}), current = Muons(5).crossing(0, {{11}});
  const SourceOrbit *p = &far.orbit(), *c = &current.orbit();
  const OrbitView previous{3, {&p, 1}}, now{5, {&c, 1}};
  f.selection->evaluate(&previous, now, nullptr, f.selected, f.workspace);
  EXPECT_EQ(f.value("before")[0], 0);
  EXPECT_EQ(f.value("known")[0], 0);
}

TEST(Selection, UnitesTheCrossingsOfSourcesAndGoesOnWithoutOne) {
  Fixture f("values: {a: count(gmt.muon), b: count(second.muon), all: known(0)}", 2);
  const Muons first = Muons().crossing(3, {{1}}).crossing(8, {{1}, {2}}),
              second = Muons().crossing(5, {{1}}).crossing(8, {{3}});
  f.evaluate({&first.orbit(), &second.orbit()});
  EXPECT_EQ(std::vector<uint16_t>(f.selected.crossings().begin(), f.selected.crossings().end()),
            (std::vector<uint16_t>{3, 5, 8}));
  EXPECT_EQ(f.value("a"), (std::vector<double>{1, 0, 2}));
  EXPECT_EQ(f.value("b"), (std::vector<double>{0, 1, 1}));
  f.evaluate({nullptr, &second.orbit()});
  EXPECT_EQ(f.value("a"), (std::vector<double>{0, 0}));
  EXPECT_EQ(f.value("b"), (std::vector<double>{1, 1}));
  EXPECT_EQ(f.value("all"), (std::vector<double>{0, 0}));
  f.evaluate({nullptr, nullptr});
  EXPECT_TRUE(f.selected.crossings().empty());
}

TEST(Selection, SpreadsLeadingObjectsOverAnInputAndPadsWithZero) {
  const model::FixedType type = model::FixedType::fixed(16, 16);
  Fixture f(R"yaml(
select: {good: {from: muon, sort: pt, first: 3}}
models: [{name: net, encoding: raw, inputs: {x: ["good[0:3].(pt, eta)", count(good)]}}]
)yaml",
            1, {{"net", {tensor("x", 7, type)}, {}}});
  const Muons muons = Muons().crossing(1, {{5, 0, -3}, {9, 0, 4}});
  f.evaluate({&muons.orbit()});
  ASSERT_EQ(f.selection->tensor_rows(0, f.selected), 1);
  std::array<int16_t, 7> row;
  f.selection->write_tensor(0, 0, f.selected, f.workspace, std::as_writable_bytes(std::span(row)));
  EXPECT_EQ(row, (std::array<int16_t, 7>{9, 4, 5, -3, 0, 0, 2}));
}

TEST(Selection, FiftySevenIntegersOfACrossingNeedFourLines) {
  SelectionSetup setup;
  setup.sources = {{"calo", find_format("calo")}, {"gmt", find_format("gmt")}};
  setup.models = {{"ae", {tensor("x", 57, model::FixedType::fixed(16, 16))}, {}}};
  const std::string inputs = R"yaml(
models:
  - name: ae
    encoding: raw
    inputs:
      x:
        - missing_et.(et, phi)
        - jet[0:10].(et, eta, phi)
        - muon[0:4].(pt, eta, phi)
        - egamma[0:4].(et, eta, phi)
        - 0
)yaml";
  std::string comma_too_many = inputs;
  comma_too_many.insert(inputs.find("(et, phi)\n") + 9, ", ");
  EXPECT_FALSE(Selection::compile(YAML::Load(comma_too_many), setup).ok());
  const auto good = Selection::compile(YAML::Load(inputs), setup);
  EXPECT_TRUE(good.ok()) << good.status();
}

TEST(Filter, DecidesByScoresOfTheRowsThatPassed) {
  model::Tensor scores = tensor("scores", 2, model::FixedType::fixed(16, 6));
  Fixture f(
      R"yaml(
select: {good: {from: muon, sort: pt, first: 2}}
values: {best: "max(net)", n: count(good), object: "good[1].each", both: "best + n", squares: "sum(net * net)"}
require: n >= 1
models:
  - {name: net, inputs: {x: [n]}}
  - {name: each, per: good, inputs: {x: [pt]}}
keep: {where: "net[1] > 0.5 and n > 0"}
)yaml",
      1,
      {{"net", {tensor("x", 1, model::FixedType::fixed(16, 8))}, {scores}},
       {"each", {tensor("x", 1, model::FixedType::fixed(16, 12))}, {tensor("s", 1, model::FixedType::fixed(16, 6))}}});
  const Muons muons = Muons().crossing(1, {{5}, {9}}).crossing(2, {}).crossing(3, {{7}}).crossing(4, {{8}, {9}, {10}});
  f.evaluate({&muons.orbit()});
  ASSERT_EQ(f.selection->tensor_rows(0, f.selected), 3);
  ASSERT_EQ(f.selection->tensor_rows(1, f.selected), 5);
  std::array<int16_t, 5> each;
  f.selection->write_tensor(1, 0, f.selected, f.workspace, std::as_writable_bytes(std::span(each)));
  EXPECT_EQ(each, (std::array<int16_t, 5>{9 * 16, 5 * 16, 7 * 16, 10 * 16, 9 * 16}));
  const std::vector<double> net = {0.1, 0.75, 2, 0.5, 0.25, 1}, objects = {1, 2, 3, 4, 5};
  f.selection->filter(std::vector<std::vector<std::span<const double>>>{{net}, {objects}}, f.selected, f.workspace);
  EXPECT_EQ(std::vector<Keep>(f.selected.kept().begin(), f.selected.kept().end()),
            (std::vector<Keep>{Keep::kSelected, Keep::kNo, Keep::kNo, Keep::kSelected}));
  EXPECT_EQ(f.value("best"), (std::vector<double>{0.75, 0, 2, 1}));
  EXPECT_EQ(f.value("object"), (std::vector<double>{2, 0, 0, 5}));
  EXPECT_EQ(f.value("both"), (std::vector<double>{2.75, 0, 3, 3}));
  EXPECT_EQ(f.value("squares"), (std::vector<double>{0.1 * 0.1 + 0.75 * 0.75, 0, 4.25, 0.0625 + 1}));
}

TEST(Filter, KeepsAPrescaledRestThatDependsOnOrbitAndCrossingOnly) {
  Fixture f("require: 'count(muon) > 5'\nkeep: {prescale: 10}");
  Fixture all("require: 'count(muon) > 5'\nkeep: {prescale: 1}");
  Muons many, few;
  for (uint16_t crossing = 0; crossing < 3000; ++crossing) many.add(crossing, {{5}});
  for (uint16_t crossing = 0; crossing < 3000; crossing += 3) few.add(crossing, {{9}});
  f.evaluate({&many.orbit()});
  f.selection->filter({}, f.selected, f.workspace);
  const std::vector<Keep> kept(f.selected.kept().begin(), f.selected.kept().end());
  const auto prescaled = std::count(kept.begin(), kept.end(), Keep::kPrescaled);
  EXPECT_GT(prescaled, 220);
  EXPECT_LT(prescaled, 380);
  f.evaluate({&few.orbit()});
  f.selection->filter({}, f.selected, f.workspace);
  for (size_t row = 0; row < f.selected.crossings().size(); ++row) EXPECT_EQ(f.selected.kept()[row], kept[3 * row]);
  all.evaluate({&few.orbit()});
  all.selection->filter({}, all.selected, all.workspace);
  for (const Keep keep : all.selected.kept()) EXPECT_EQ(keep, Keep::kPrescaled);
}

TEST(Selection, TakesACrossingWithMoreObjectsThanABlock) {
  Fixture f(
      "select: {top: {from: muon, sort: pt, first: 3}}\nvalues: {a: 'top[0].pt', c: 'top[2].pt', n: count(muon), s: "
      "sum(muon.pt)}");
  std::vector<Muon> crowd(5000, Muon{7});
  crowd[4321].pt = 300;
  const Muons muons = Muons().crossing(1, {{3}}).crossing(2, crowd).crossing(3, {{4}});
  f.evaluate({&muons.orbit()});
  EXPECT_EQ(f.value("a"), (std::vector<double>{3, 300, 4}));
  EXPECT_EQ(f.value("c"), (std::vector<double>{0, 7, 0}));
  EXPECT_EQ(f.value("n"), (std::vector<double>{1, 5000, 1}));
  EXPECT_EQ(f.value("s"), (std::vector<double>{3, 7 * 4999 + 300, 4}));
}

TEST(Selection, AWorkspaceMayGoFromOneSelectionToAnother) {
  Selected selected;
  Workspace workspace;
  const Muons muons = Muons().crossing(1, {{5}, {9}});
  const SourceOrbit* part = &muons.orbit();
  SelectionSetup setup;
  setup.sources = {{"gmt", find_format("gmt")}};
  for (int places = 1; places < 20; ++places) {
    std::string text = "values: {v: '0";
    for (int i = 0; i < places; ++i) text += " + " + std::to_string(places) + " * muon[" + std::to_string(i) + "].pt";
    const auto made = Selection::compile(YAML::Load(text + "'}"), setup);
    ASSERT_TRUE(made.ok()) << made.status();
    made->evaluate(nullptr, {5, {&part, 1}}, nullptr, selected, workspace);
    EXPECT_EQ(selected.value(0)[0], places * (places == 1 ? 5 : 14));
  }
}

TEST(Selection, HasNoNegativeZero) {
  Fixture f(
      "values: {a: '-(muon[0].eta)', b: 'muon[0].eta * -1', c: 'sin(phys(muon[0].eta)) * -2', d: '0 / "
      "-phys(muon[0].pt)'}");
  const Muons muons = Muons().crossing(1, {{5}});
  f.evaluate({&muons.orbit()});
  for (const char* name : {"a", "b", "c", "d"}) EXPECT_FALSE(std::signbit(f.value(name)[0])) << name;
}

}  // namespace
}  // namespace strobe::scouting
