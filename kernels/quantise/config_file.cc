#include "kernels/quantise/config_file.h"

#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace strobe::quantise {
namespace {

bool parse_number(const std::string& text, double& number) {
  for (const std::string sign : {"**", "^"}) {
    const size_t at = text.find(sign);
    if (at == std::string::npos) continue;
    double exponent = 0;
    if (!absl::SimpleAtod(text.substr(0, at), &number) || !absl::SimpleAtod(text.substr(at + sign.size()), &exponent))
      return false;
    number = std::pow(number, exponent);
    return true;
  }
  return absl::SimpleAtod(text, &number);
}

}  // namespace

absl::StatusOr<YAML::Node> ConfigFile::load(const std::string& yaml) const {
  try {
    return YAML::Load(yaml);
  } catch (const YAML::Exception& e) {
    return absl::InvalidArgumentError(absl::StrCat(origin_, ":", e.mark.line + 1, ": not YAML: ", e.msg));
  }
}

absl::Status ConfigFile::error(const YAML::Node& node, const std::string& flaw) const {
  return absl::InvalidArgumentError(absl::StrCat(origin_, ":", node.Mark().line + 1, ": ", flaw));
}

absl::StatusOr<double> ConfigFile::number(const YAML::Node& node, const std::string& key,
                                          const std::string& expected) const {
  double number = 0;
  if (node.IsScalar() && parse_number(node.Scalar(), number) && std::isfinite(number)) return number;
  return error(node,
               absl::StrCat(key, ": expected ", expected, ", found '", node.IsScalar() ? node.Scalar() : "?", "'"));
}

absl::StatusOr<double> ConfigFile::positive_number(const YAML::Node& node, const std::string& key,
                                                   const std::string& expected) const {
  auto found = number(node, key, expected);
  if (!found.ok() || *found > 0) return found;
  return error(node, absl::StrCat(key, ": expected ", expected, ", found '", node.Scalar(), "'"));
}

absl::StatusOr<model::FixedType> ConfigFile::type(const YAML::Node& node, const std::string& key) const {
  auto type = model::FixedType::parse(node.IsScalar() ? node.Scalar() : "");
  if (!type.ok()) return error(node, absl::StrCat(key, ": ", std::string(type.status().message())));
  return type;
}

}  // namespace strobe::quantise
