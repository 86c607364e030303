#include "kernels/import/formula_file.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "kernels/formula/formula.h"
#include "kernels/import/one_layer_model.h"
#include "platform/files/file.h"

namespace strobe::import {
namespace {

constexpr size_t kLargestFile = 64 << 20;

using Row = HallOfFameRow;
using Cells = std::vector<std::string>;

/// One record of a CSV: cells, quotes doubled inside quotes. Moves `at` behind it.
absl::StatusOr<Cells> next_record(std::string_view csv, char comma, size_t& at, int& line) {
  Cells cells(1);
  const int first_line = line;
  bool quoted = false;
  for (; at < csv.size(); ++at) {
    const char c = csv[at];
    if (c == '\n') ++line;
    if (c == '"') {
      if (quoted && at + 1 < csv.size() && csv[at + 1] == '"') {
        cells.back() += c;
        ++at;
      } else {
        quoted = !quoted;
      }
    } else if (c == '\n' && !quoted) {
      ++at;
      return cells;
    } else if (c == comma && !quoted) {
      cells.emplace_back();
    } else if (c != '\r') {
      cells.back() += c;
    }
  }
  if (quoted) return absl::InvalidArgumentError(absl::StrCat("line ", first_line, ": a quote is never closed"));
  return cells;
}

/// Without the byte-order mark that some editors and spreadsheets write in front.
std::string_view without_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  return text;
}

char separator(std::string_view head) { return head.substr(0, 16).find('|') == std::string_view::npos ? ',' : '|'; }

/// The column of that name, in any case; -1.
int column(const Cells& header, std::initializer_list<std::string_view> names) {
  for (size_t i = 0; i < header.size(); ++i) {
    for (const std::string_view name : names) {
      if (absl::EqualsIgnoreCase(header[i], std::string(name))) return static_cast<int>(i);
    }
  }
  return -1;
}

absl::StatusOr<std::vector<Row>> read_rows(std::string_view csv) {
  csv = without_mark(csv);
  size_t at = 0;
  int line = 1;
  const char comma = separator(csv);
  auto header = next_record(csv, comma, at, line);
  if (!header.ok()) return header.status();
  const int complexity = column(*header, {"Complexity"}), loss = column(*header, {"Loss", "MSE"}),
            equation = column(*header, {"Equation"});
  if (complexity < 0 || loss < 0 || equation < 0)
    return absl::InvalidArgumentError("line 1: expected the columns Complexity, Loss and Equation");
  std::vector<Row> rows;
  while (at < csv.size()) {
    const int first_line = line;
    auto cells = next_record(csv, comma, at, line);
    if (!cells.ok()) return cells.status();
    if (cells->size() == 1 && cells->front().empty()) continue;
    if (cells->size() != header->size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", first_line, ": expected ", header->size(), " columns, found ", cells->size()));
    }
    Row row;
    row.equation = (*cells)[equation];
    if (!absl::SimpleAtoi((*cells)[complexity], &row.complexity) || !absl::SimpleAtod((*cells)[loss], &row.loss) ||
        std::isnan(row.loss)) {
      return absl::InvalidArgumentError(absl::StrCat("line ", first_line, ": expected a complexity and a loss, found '",
                                                     (*cells)[complexity], "' and '", (*cells)[loss], "'"));
    }
    rows.push_back(std::move(row));
  }
  if (rows.empty()) return absl::InvalidArgumentError("expected one equation or more, found none");
  return rows;
}

/// PySR's "best": the fall of log loss per complexity, among rows close to the smallest loss.
size_t best_score(const std::vector<Row>& rows) {
  std::vector<size_t> order(rows.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return rows[a].complexity < rows[b].complexity; });
  double least = std::numeric_limits<double>::infinity();
  for (const Row& row : rows) least = std::min(least, row.loss);
  size_t best = order[0];
  double highest = -std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < order.size(); ++i) {
    const Row& row = rows[order[i]];
    double score = 0;
    if (i > 0) {
      const Row& before = rows[order[i - 1]];
      const int steps = row.complexity - before.complexity;
      if (row.loss > 0 && before.loss > 0 && steps > 0) score = -std::log(row.loss / before.loss) / steps;
      if (row.loss <= 0) score = std::numeric_limits<double>::infinity();
    }
    if (row.loss <= 1.5 * least && score > highest) {
      highest = score;
      best = order[i];
    }
  }
  return best;
}

absl::StatusOr<size_t> chosen_row(const std::vector<Row>& rows, const std::string& choice) {
  if (choice.empty() || choice == "score") return best_score(rows);
  if (choice == "loss") {
    const auto least = std::min_element(rows.begin(), rows.end(), [](auto& a, auto& b) { return a.loss < b.loss; });
    return static_cast<size_t>(least - rows.begin());
  }
  absl::string_view value = choice;
  int wanted = 0;
  if (absl::ConsumePrefix(&value, "number=") && absl::SimpleAtoi(value, &wanted)) {
    if (wanted >= 1 && wanted <= static_cast<int>(rows.size())) return static_cast<size_t>(wanted) - 1;
    return absl::InvalidArgumentError(absl::StrCat("there is no row ", wanted, "; rows are 1 to ", rows.size()));
  }
  value = choice;
  if (absl::ConsumePrefix(&value, "complexity=") && absl::SimpleAtoi(value, &wanted)) {
    std::string known;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].complexity == wanted) return i;
      absl::StrAppend(&known, i == 0 ? "" : ", ", rows[i].complexity);
    }
    return absl::InvalidArgumentError(absl::StrCat("no equation has complexity ", wanted, "; there are: ", known));
  }
  value = choice;
  if (absl::ConsumePrefix(&value, "max-complexity=") && absl::SimpleAtoi(value, &wanted)) {
    if (const Row* best = best_within(rows, wanted)) return static_cast<size_t>(best - rows.data());
    return absl::InvalidArgumentError(absl::StrCat("no equation has complexity ", wanted, " or less"));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", choice, "' chooses no equation; expected score, loss, complexity=N, max-complexity=N, number=N or all"));
}

/// By the last number in the name: "hall_of_fame_output3.csv" before "hall_of_fame_output12.csv".
bool in_number_order(const std::string& a, const std::string& b) {
  const auto number = [](const std::string& name) {
    const size_t end = name.find_last_of("0123456789");
    if (end == std::string::npos) return -1;
    size_t begin = end;
    while (begin > 0 && absl::ascii_isdigit(name[begin - 1])) --begin;
    int value = -1;
    return absl::SimpleAtoi(name.substr(begin, end + 1 - begin), &value) ? value : -1;
  };
  const int first = number(a), second = number(b);
  return first != second ? first < second : a < b;
}

absl::Status in_file(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("'", path, "': ", status.message()));
}

/// A model of a text that came from `path`.
absl::StatusOr<FloatModel> formula_model(const std::string& text, const std::string& path, bool hall_of_fame,
                                         const std::string& inputs) {
  auto formula = formula::parse(text, inputs);
  if (!formula.ok()) {
    return in_file(path, absl::InvalidArgumentError(
                             absl::StrCat(hall_of_fame ? "the chosen equation: " : "", formula.status().message())));
  }
  const auto inputs_count = static_cast<int64_t>(formula->inputs.size());
  const auto outputs_count = static_cast<int64_t>(formula->outputs.size());
  FloatLayer layer;
  layer.kind = "Formula";
  layer.formula = std::make_shared<const formula::Formula>(*std::move(formula));
  FloatModel model = one_layer_model(std::filesystem::path(path).stem().string(), hall_of_fame ? "pysr" : "formula",
                                     {"x", {inputs_count}}, {"y", {outputs_count}}, std::move(layer));
  model.provenance["format"] = hall_of_fame ? "PySR hall of fame" : "formula";
  return model;
}

/// The expressions of a file's content, of a hall of fame the chosen ones.
absl::StatusOr<std::string> formula_text(std::string_view content, const std::string& path, const std::string& choice) {
  if (content.size() > kLargestFile)
    return in_file(path, absl::InvalidArgumentError("a formula's file has at most 64 MiB"));
  if (is_hall_of_fame(content)) {
    auto chosen = choose_from_hall_of_fame(content, choice);
    if (!chosen.ok()) return in_file(path, chosen.status());
    return chosen;
  }
  if (!choice.empty())
    return in_file(path, absl::InvalidArgumentError("is no hall of fame (.csv): nothing to choose from"));
  return std::string(content);
}

/// One output a file.
absl::StatusOr<FloatModel> import_folder(const std::string& folder, const std::string& choice,
                                         const std::string& inputs) {
  auto paths = hall_of_fame_files(folder);
  if (!paths.ok()) return paths.status();
  if (choice == "all") return in_file(folder, absl::InvalidArgumentError("all: is for one hall of fame, not a folder"));
  std::string text;
  for (const std::string& path : *paths) {
    auto content = files::read_file(path, kLargestFile);
    if (!content.ok()) return content.status();
    auto chosen = formula_text(*content, path, choice);
    if (!chosen.ok()) return chosen.status();
    // Each by itself first: a message then names its file.
    if (auto model = formula_model(*chosen, path, true, inputs); !model.ok()) return model.status();
    text += *chosen;
  }
  return formula_model(text, folder, true, inputs);
}

}  // namespace

bool is_hall_of_fame(std::string_view head) {
  head = without_mark(head);
  const size_t end = head.find_first_of("\r\n");
  const std::string line = absl::AsciiStrToLower(absl::string_view(head.data(), std::min(end, head.size())));
  return absl::StartsWith(line, "complexity") && absl::StrContains(line, "equation");
}

absl::StatusOr<std::string> choose_from_hall_of_fame(std::string_view csv, const std::string& choice) {
  auto rows = read_rows(csv);
  if (!rows.ok()) return rows.status();
  if (choice == "all") {
    std::string text;
    for (const Row& row : *rows) absl::StrAppend(&text, row.equation, "\n");
    return text;
  }
  auto row = chosen_row(*rows, choice);
  if (!row.ok()) return row.status();
  return (*rows)[*row].equation + "\n";
}

const HallOfFameRow* best_within(const std::vector<HallOfFameRow>& rows, int complexity) {
  const HallOfFameRow* best = nullptr;
  for (const HallOfFameRow& row : rows) {
    if (row.complexity <= complexity && (best == nullptr || row.loss < best->loss)) best = &row;
  }
  return best;
}

bool is_hall_of_fame_path(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return true;
  auto file = files::MappedFile::open(path);
  if (!file.ok()) return false;
  const auto head = (*file)->bytes().first(std::min<size_t>((*file)->bytes().size(), 256));
  return is_hall_of_fame({reinterpret_cast<const char*>(head.data()), head.size()});
}

absl::StatusOr<std::vector<HallOfFameRow>> read_hall_of_fame(const std::string& path) {
  auto content = files::read_file(path, kLargestFile);
  if (!content.ok()) return content.status();
  if (!is_hall_of_fame(*content))
    return in_file(path, absl::InvalidArgumentError("expected a hall of fame: Complexity, Loss and Equation"));
  auto rows = read_rows(*content);
  if (!rows.ok()) return in_file(path, rows.status());
  return rows;
}

absl::StatusOr<std::vector<std::string>> hall_of_fame_files(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> names;
  std::filesystem::directory_iterator entry(path, error), end;
  for (; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (absl::StartsWith(name, "hall_of_fame") && absl::EndsWith(name, ".csv")) names.push_back(name);
  }
  if (error) return in_file(path, absl::UnavailableError(error.message()));
  if (names.empty()) return in_file(path, absl::NotFoundError("a folder without hall_of_fame*.csv"));
  std::sort(names.begin(), names.end(), in_number_order);
  for (std::string& name : names) name = (std::filesystem::path(path) / name).string();
  return names;
}

absl::StatusOr<FloatModel> import_formula(const std::string& path, const std::string& choice,
                                          const std::string& inputs) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return import_folder(path, choice, inputs);
  auto file = files::MappedFile::open(path);
  if (!file.ok()) return file.status();
  const auto bytes = (*file)->bytes();
  return read_formula(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), path, choice,
                      inputs);
}

absl::StatusOr<FloatModel> read_formula(std::string_view content, const std::string& path, const std::string& choice,
                                        const std::string& inputs) {
  auto text = formula_text(content, path, choice);
  if (!text.ok()) return text.status();
  return formula_model(*text, path, is_hall_of_fame(content), inputs);
}

}  // namespace strobe::import
