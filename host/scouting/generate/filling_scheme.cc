#include "host/scouting/generate/filling_scheme.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "host/scouting/core/orbit.h"
#include "host/scouting/generate/filling_schemes_data.h"
#include "platform/files/file.h"

namespace strobe::scouting {
namespace {

absl::Status wrong(const std::string& file, const YAML::Mark& mark, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(file, ":", mark.line + 1, ": ", what));
}

/// Adds "first-last" to the scheme.
absl::Status add_train(const std::string& text, const std::string& file, const YAML::Mark& mark,
                       FillingScheme& scheme) {
  const std::vector<std::string> ends = absl::StrSplit(text, '-');
  uint32_t first = 0, last = 0;
  if (ends.size() != 2 || !absl::SimpleAtoi(ends[0], &first) || !absl::SimpleAtoi(ends[1], &last)) {
    return wrong(file, mark, absl::StrCat("a train is first-last, such as 71-106; found '", text, "'"));
  }
  if (first > last || last >= kCrossingsPerOrbit) {
    return wrong(file, mark, absl::StrCat("train ", text, ": crossings ascend and are at most 3563"));
  }
  if (!scheme.colliding.empty() && first <= scheme.colliding.back()) {
    return wrong(file, mark,
                 absl::StrCat("train ", text, ": trains ascend, and crossing ", scheme.colliding.back(),
                              " was in one before it"));
  }
  for (uint32_t crossing = first; crossing <= last; ++crossing) {
    scheme.colliding.push_back(static_cast<uint16_t>(crossing));
  }
  return absl::OkStatus();
}

absl::StatusOr<FillingScheme> parse(const std::string& yaml, const std::string& file) {
  const YAML::Node root = YAML::Load(yaml);
  if (!root.IsMap() || !root["trains"] || !root["trains"].IsSequence()) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": a filling scheme is YAML with a list 'trains'"));
  }
  FillingScheme scheme;
  scheme.name = root["name"] ? root["name"].as<std::string>() : file;
  scheme.title = root["title"] ? root["title"].as<std::string>() : "";
  scheme.source = root["source"] ? root["source"].as<std::string>() : "";
  for (const YAML::Node& row : root["trains"]) {
    for (const auto& part : absl::StrSplit(row.as<std::string>(), ',')) {
      const std::string train(absl::StripAsciiWhitespace(part));
      if (absl::Status s = add_train(train, file, row.Mark(), scheme); !s.ok()) return s;
    }
  }
  if (scheme.colliding.empty()) return absl::InvalidArgumentError(absl::StrCat(file, ": no train in 'trains'"));
  return scheme;
}

}  // namespace

absl::StatusOr<FillingScheme> parse_filling_scheme(const std::string& yaml, const std::string& file) {
  try {
    return parse(yaml, file);
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(file, ":", error.mark.line + 1, ": ", error.msg));
  }
}

const std::vector<FillingScheme>& filling_schemes() {
  static const std::vector<FillingScheme> schemes = [] {
    std::vector<FillingScheme> read;
    for (const char* yaml : kFillingSchemeFiles) {
      auto scheme = parse_filling_scheme(yaml, "a filling scheme of this program");
      if (!scheme.ok()) {  // compiled in, so a mistake of ours
        std::fprintf(stderr, "%s\n", std::string(scheme.status().message()).c_str());
        std::abort();
      }
      read.push_back(*std::move(scheme));
    }
    std::sort(read.begin(), read.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return read;
  }();
  return schemes;
}

std::string filling_scheme_names() {
  return absl::StrJoin(filling_schemes(), ", ",
                       [](std::string* out, const FillingScheme& scheme) { absl::StrAppend(out, scheme.name); });
}

absl::StatusOr<FillingScheme> find_filling_scheme(const std::string& name_or_path) {
  for (const FillingScheme& scheme : filling_schemes()) {
    if (scheme.name == name_or_path) return scheme;
  }
  constexpr uint64_t kLimitBytes = 1 << 20;
  auto text = files::read_file(name_or_path, kLimitBytes);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(absl::StrCat("filling scheme '", name_or_path,
                                            "' is neither a file nor one of those shipped: ", filling_scheme_names()));
  }
  if (!text.ok()) return text.status();
  return parse_filling_scheme(*text, name_or_path);
}

}  // namespace strobe::scouting
