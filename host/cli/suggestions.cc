#include "host/cli/suggestions.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace strobe::cli {
namespace {

/// The letters to insert, remove or replace to make `b` of `a`.
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];  // of the row above
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

}  // namespace

std::string nearest_word(const std::string& typed, const std::vector<std::string>& words) {
  std::string nearest;
  size_t least = std::max<size_t>(typed.size() / 3, 1) + 1;
  for (const std::string& word : words) {
    const size_t distance = edit_distance(typed, word);
    if (distance < least) {
      least = distance;
      nearest = word;
    }
  }
  return nearest;
}

std::string explain_extras(const CLI::App& app, const std::vector<std::string>& extras) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (extras.empty()) return "";
  const auto meant = [](const std::string& nearest) {
    return nearest.empty() ? std::string() : absl::StrCat("; did you mean ", nearest, "?");
  };
  if (chosen.empty()) {
    std::vector<std::string> commands;
    for (const CLI::App* command : app.get_subcommands({})) commands.push_back(command->get_name());
    const std::string kind = extras[0].starts_with("-") ? "unknown option '" : "unknown command '";
    return absl::StrCat(kind, extras[0], "'", meant(nearest_word(extras[0], commands)),
                        nearest_word(extras[0], commands).empty() ? "; commands: " : " Commands: ",
                        absl::StrJoin(commands, ", "), " (strobe COMMAND --help)");
  }
  // An unknown option leaves its value behind, which then takes a place of another argument: only options are named.
  std::vector<std::string> lines;
  for (const std::string& extra : extras) {
    const std::string name = extra.substr(0, extra.find('='));
    if (name.starts_with("-"))
      lines.push_back(absl::StrCat("unknown option '", name, "'", meant(nearest_word(name, option_names(*chosen[0])))));
  }
  if (lines.empty()) lines.push_back(absl::StrCat("unexpected argument '", absl::StrJoin(extras, "', '"), "'"));
  return absl::StrCat(absl::StrJoin(lines, "; "), " (strobe ", chosen[0]->get_name(), " --help)");
}

}  // namespace strobe::cli
