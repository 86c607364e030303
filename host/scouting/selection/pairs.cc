#include "host/scouting/selection/pairs.h"

#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace strobe::scouting::selection {
namespace {

TermId exists(Plan& plan, const Object& object) {
  plan.list(object.list).counted = true;
  Leaf count;
  count.kind = Leaf::Kind::kCount;
  count.collection = object.list.collection;
  count.list = object.list.list;
  count.shift = object.shift;
  const TermId objects = plan.terms.whole_leaf(plan.leaf(count), 0, kMostObjects);
  return plan.terms.make(Op::kLess, plan.terms.constant(object.place), objects);
}

/// Transverse momentum or energy, by the name that the format has for it.
absl::StatusOr<FieldValue> momentum(Plan& plan, const Object& object) {
  return field_of(plan, object, object.format->find("pt") == nullptr ? "et" : "pt");
}

bool same_units(const FieldValue& a, const FieldValue& b) {
  return a.field->scale == b.field->scale && a.field->bias == b.field->bias;
}

absl::Status units_differ(std::string_view what, const Object& a, const Object& b) {
  return absl::InvalidArgumentError(absl::StrCat(std::string(what), " is in hardware units, which differ between ",
                                                 std::string(a.format->name), " and ", std::string(b.format->name),
                                                 "; use phys(...)"));
}

/// a - b in hardware units, brought into one turn around 0: from -floor(turn / 2) on.
TermId wrapped_difference(Terms& terms, const FieldValue& a, const FieldValue& b) {
  const double turn = std::round(2 * std::numbers::pi / std::abs(a.field->scale));
  const double lowest = -std::floor(turn / 2), highest = lowest + turn - 1;
  TermId d = terms.make(Op::kSubtract, a.term, b.term);
  const double low = terms.at(d).low, high = terms.at(d).high;
  for (double above = high; above > highest; above -= turn) {
    const TermId is_above = terms.make(Op::kLess, terms.constant(highest), d);
    d = terms.make(Op::kSelect, is_above, terms.make(Op::kSubtract, d, terms.constant(turn)), d);
  }
  for (double below = low; below < lowest; below += turn) {
    const TermId is_below = terms.make(Op::kLess, d, terms.constant(lowest));
    d = terms.make(Op::kSelect, is_below, terms.make(Op::kAdd, d, terms.constant(turn)), d);
  }
  if (low < lowest || high > highest) terms.narrow(d, lowest, highest);
  return d;
}

/// What pair quantities are made of.
struct Pair {
  FieldValue a, b;
};

absl::StatusOr<Pair> both(Plan& plan, const Object& a, const Object& b, std::string_view field) {
  auto x = field_of(plan, a, field);
  if (!x.ok()) return x.status();
  auto y = field_of(plan, b, field);
  if (!y.ok()) return y.status();
  return Pair{*x, *y};
}

/// Difference in physical units: the scale times the hardware difference where the units are the same.
TermId physical_difference(Plan& plan, const Pair& pair) {
  Terms& terms = plan.terms;
  if (!same_units(pair.a, pair.b))
    return terms.make(Op::kSubtract, physical_value(plan, terms, pair.a), physical_value(plan, terms, pair.b));
  return terms.make(Op::kMultiply, terms.constant(pair.a.field->scale),
                    terms.make(Op::kSubtract, pair.a.term, pair.b.term));
}

/// The same of an angle, in one turn around 0.
TermId angle_difference(Plan& plan, const Pair& pair) {
  Terms& terms = plan.terms;
  if (same_units(pair.a, pair.b))
    return terms.make(Op::kMultiply, terms.constant(pair.a.field->scale), wrapped_difference(terms, pair.a, pair.b));
  const TermId d = physical_difference(plan, pair), turn = terms.constant(2 * std::numbers::pi);
  const TermId turns =
      terms.make(Op::kFloor, terms.make(Op::kAdd, terms.make(Op::kDivide, d, turn), terms.constant(0.5)));
  return terms.make(Op::kSubtract, d, terms.make(Op::kMultiply, turn, turns));
}

/// 2 pt pt' (cosh(delta eta) - cos(delta phi)), at least 0: the particles' own masses are neglected. In hardware units:
/// (2 scale scale') ((pt + bias) (pt' + bias')) (...).
TermId mass_squared(Plan& plan, const Pair& pt, const Pair& eta, const Pair& phi) {
  Terms& terms = plan.terms;
  const auto biased = [&](const FieldValue& x) { return terms.make(Op::kAdd, x.term, terms.constant(x.field->bias)); };
  const TermId units = terms.constant(2 * pt.a.field->scale * pt.b.field->scale);
  const TermId momenta = terms.make(Op::kMultiply, units, terms.make(Op::kMultiply, biased(pt.a), biased(pt.b)));
  const TermId angles = terms.make(Op::kSubtract, terms.make(Op::kCosh, physical_difference(plan, eta)),
                                   terms.make(Op::kCos, angle_difference(plan, phi)));
  return terms.make(Op::kMaximum, terms.constant(0), terms.make(Op::kMultiply, momenta, angles));
}

absl::StatusOr<TermId> mass_or_its_square(Plan& plan, bool square, const Object& a, const Object& b) {
  auto pt_a = momentum(plan, a), pt_b = momentum(plan, b);
  if (!pt_a.ok()) return pt_a.status();
  if (!pt_b.ok()) return pt_b.status();
  auto eta = both(plan, a, b, "eta"), phi = both(plan, a, b, "phi");
  if (!eta.ok()) return eta.status();
  if (!phi.ok()) return phi.status();
  const TermId squared = mass_squared(plan, {*pt_a, *pt_b}, *eta, *phi);
  return square ? squared : plan.terms.make(Op::kSqrt, squared);
}

absl::StatusOr<TermId> distance(Plan& plan, const Object& a, const Object& b) {
  auto eta = both(plan, a, b, "eta"), phi = both(plan, a, b, "phi");
  if (!eta.ok()) return eta.status();
  if (!phi.ok()) return phi.status();
  Terms& terms = plan.terms;
  const TermId x = physical_difference(plan, *eta), y = angle_difference(plan, *phi);
  return terms.make(Op::kSqrt, terms.make(Op::kAdd, terms.make(Op::kMultiply, x, x), terms.make(Op::kMultiply, y, y)));
}

absl::StatusOr<TermId> hardware_difference(Plan& plan, std::string_view field, const Object& a, const Object& b) {
  auto pair = both(plan, a, b, field);
  if (!pair.ok()) return pair.status();
  if (!same_units(pair->a, pair->b)) return units_differ(absl::StrCat("delta_", std::string(field)), a, b);
  if (field == "phi") return wrapped_difference(plan.terms, pair->a, pair->b);
  return plan.terms.make(Op::kSubtract, pair->a.term, pair->b.term);
}

/// +1 or -1; 0 of a missing object, or one whose charge the format calls not valid.
absl::StatusOr<TermId> charge(Plan& plan, const Object& a) {
  auto sign = field_of(plan, a, "charge");
  if (!sign.ok()) return sign.status();
  Terms& terms = plan.terms;
  TermId valid = exists(plan, a);
  for (const std::string_view name : {"charge_valid", "valid"}) {
    if (a.format->find(name) == nullptr) continue;
    valid = terms.make(Op::kAnd, valid, field_of(plan, a, name)->term);
    break;
  }
  const TermId one = terms.constant(1);
  const TermId value = terms.make(Op::kSelect, sign->term, terms.constant(-1), one);
  return terms.make(Op::kSelect, valid, value, terms.constant(0));
}

}  // namespace

absl::StatusOr<FieldValue> field_of(Plan& plan, const Object& object, std::string_view name) {
  const auto& fields = object.format->fields;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name != name) continue;
    List& list = plan.list(object.list);
    list.places = std::max(list.places, object.place + 1);
    size_t item = 0;
    while (item < list.fields.size() && list.fields[item].field != i) ++item;
    if (item == list.fields.size()) list.fields.push_back({i, {}});
    Leaf leaf;
    leaf.kind = Leaf::Kind::kField;
    leaf.collection = object.list.collection;
    leaf.list = object.list.list;
    leaf.item = item;
    leaf.place = object.place;
    leaf.shift = object.shift;
    const int32_t index = plan.leaf(leaf);
    const double span = std::ldexp(1.0, fields[i].width);
    const double low = fields[i].is_signed ? -span / 2 : 0;
    return FieldValue{plan.terms.whole_leaf(index, low, low + span - 1), &fields[i], object};
  }
  std::vector<std::string> known;
  for (const Field& field : fields) known.emplace_back(field.name);
  return absl::InvalidArgumentError(absl::StrCat("expected a field of ", std::string(object.format->name), " (",
                                                 absl::StrJoin(known, ", "), "), found '", std::string(name), "'"));
}

TermId physical_value(Plan& plan, Terms& terms, const FieldValue& value) {
  const TermId biased = terms.make(Op::kAdd, value.term, terms.constant(value.field->bias));
  const TermId physical = terms.make(Op::kMultiply, terms.constant(value.field->scale), biased);
  if (value.field->bias == 0 || !value.object) return physical;
  return terms.make(Op::kSelect, exists(plan, *value.object), physical, terms.constant(0));
}

absl::StatusOr<TermId> object_quantity(Plan& plan, const std::string& name, const Object& a) {
  return name == "exists" ? exists(plan, a) : charge(plan, a);
}

absl::StatusOr<TermId> pair_quantity(Plan& plan, const std::string& name, const Object& a, const Object& b) {
  const TermId both_exist = plan.terms.make(Op::kAnd, exists(plan, a), exists(plan, b));
  auto term = name == "delta_phi" || name == "delta_eta" ? hardware_difference(plan, name.substr(6), a, b)
              : name == "delta_r"                        ? distance(plan, a, b)
                                                         : mass_or_its_square(plan, name == "mass2", a, b);
  if (!term.ok()) return term;
  return plan.terms.make(Op::kSelect, both_exist, *term, plan.terms.constant(0));
}

}  // namespace strobe::scouting::selection
