#pragma once

#include <yaml-cpp/yaml.h>

#include <limits>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/scouting/core/shortened.h"

namespace strobe::scouting {

/// InvalidArgument "FILE:LINE: flaw", by the node's place in its file.
inline absl::Status flaw_at(const std::string& file, const YAML::Node& node, const std::string& flaw) {
  return absl::InvalidArgumentError(absl::StrCat(file, ":", node.Mark().line + 1, ": ", flaw));
}

/// Reads the keys of one YAML map: each with its type and limits, and none that nobody asked for. The first error
/// stays; later reads then leave their targets alone.
class YamlReader {
 public:
  /// `what` names the map in messages: "source 'muons'".
  YamlReader(std::string file, YAML::Node node, std::string what)
      : file_(std::move(file)), node_(std::move(node)), what_(std::move(what)) {
    if (!node_.IsMap()) fail(node_, "expected a map of settings");
  }

  /// The node of `key`, null where it is absent. It counts as known.
  YAML::Node take(const std::string& key) {
    known_.insert(key);
    return status_.ok() && node_.IsMap() ? node_[key] : YAML::Node(YAML::NodeType::Undefined);
  }
  bool has(const std::string& key) const { return status_.ok() && node_.IsMap() && node_[key].IsDefined(); }

  void text(const std::string& key, std::string& target) {
    if (const YAML::Node value = scalar(key, "text")) target = value.Scalar();
  }
  /// As `text`, but of one to `kLongestName` bytes.
  void name(const std::string& key, std::string& target) {
    const YAML::Node value = scalar(key, "a name");
    if (!value) return;
    const size_t length = value.Scalar().size();
    if (length == 0 || length > kLongestName) {
      return fail(value, absl::StrCat(key, ": expected a name of 1 to ", kLongestName, " bytes, found ", length, ": '",
                                      shortened(value.Scalar()), "'"));
    }
    target = value.Scalar();
  }
  void choice(const std::string& key, std::string& target, const std::vector<std::string>& choices) {
    const YAML::Node value = scalar(key, absl::StrJoin(choices, ", "));
    if (!value) return;
    for (const std::string& each : choices) {
      if (value.Scalar() == each) {
        target = each;
        return;
      }
    }
    fail(value,
         absl::StrCat(key, ": expected ", absl::StrJoin(choices, ", "), ", found '", shortened(value.Scalar()), "'"));
  }
  void flag(const std::string& key, bool& target) {
    const YAML::Node value = scalar(key, "true or false");
    if (value && !YAML::convert<bool>::decode(value, target))
      fail(value, absl::StrCat(key, ": expected true or false, found '", shortened(value.Scalar()), "'"));
  }
  template <typename Number>
  void number(const std::string& key, Number& target, Number low, Number high) {
    const YAML::Node value = scalar(key, "a number");
    if (!value) return;
    // A double holds every limit that is used here; text such as "-1" must not become a large unsigned number.
    double found = 0;
    const bool whole = std::numeric_limits<Number>::is_integer;
    if (!YAML::convert<double>::decode(value, found) || !(found >= static_cast<double>(low)) ||
        !(found <= static_cast<double>(high)) || (whole && found != static_cast<double>(static_cast<int64_t>(found)))) {
      return fail(value, absl::StrCat(key, ": expected ", whole ? "a whole number" : "a number", " from ", low, " to ",
                                      high, ", found '", shortened(value.Scalar()), "'"));
    }
    target = static_cast<Number>(found);
  }
  void require(const std::string& key) {
    if (status_.ok() && !has(key)) fail(node_, absl::StrCat("expected the key '", key, "'"));
  }
  void fail(const YAML::Node& node, const std::string& flaw) {
    status_.Update(flaw_at(file_, node, what_.empty() ? flaw : absl::StrCat(what_, ": ", flaw)));
  }

  /// The first error; a key that was not asked for is one.
  absl::Status finish() {
    if (!status_.ok()) return status_;
    std::set<std::string> found;
    for (const auto& entry : node_) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "?";
      if (!found.insert(key).second) {
        fail(entry.first, absl::StrCat("the key '", shortened(key), "' is there twice"));
        break;
      }
      if (known_.contains(key)) continue;
      fail(entry.first, absl::StrCat("unknown key '", shortened(key), "'; expected ", absl::StrJoin(known_, ", ")));
      break;
    }
    return status_;
  }
  const std::string& file() const { return file_; }

 private:
  YAML::Node scalar(const std::string& key, const std::string& expected) {
    YAML::Node value = take(key);
    if (!value.IsDefined() || value.IsScalar()) return value;
    fail(value, absl::StrCat(key, ": expected ", expected));
    return YAML::Node(YAML::NodeType::Undefined);
  }

  std::string file_;
  YAML::Node node_;
  std::string what_;
  std::set<std::string> known_;
  absl::Status status_;
};

}  // namespace strobe::scouting
