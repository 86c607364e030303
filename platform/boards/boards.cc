#include "platform/boards/boards.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "platform/boards/boards_data.h"

namespace strobe::boards {
namespace {

/// "16 GiB", "256 MiB", "128 KiB".
uint64_t parse_size(const YAML::Node& node) {
  const auto text = node.as<std::string>();
  char* unit = nullptr;
  const unsigned long long number = std::strtoull(text.c_str(), &unit, 10);
  const std::string_view rest = unit;
  if (rest == " GiB") return number << 30;
  if (rest == " MiB") return number << 20;
  if (rest == " KiB") return number << 10;
  throw YAML::RepresentationException(node.Mark(), "size '" + text + "' is not a number of GiB, MiB or KiB");
}

YAML::Node required(const YAML::Node& node, const char* key) {
  if (!node[key]) throw YAML::RepresentationException(node.Mark(), std::string("'") + key + "' is missing");
  return node[key];
}

Resources parse_resources(const YAML::Node& node) {
  return {required(node, "luts").as<int64_t>(), required(node, "flip_flops").as<int64_t>(),
          required(node, "dsps").as<int64_t>(), required(node, "bram_18k").as<int64_t>(),
          required(node, "urams").as<int64_t>()};
}

/// A row of `count` equal banks: HBM has 32 pseudo channels.
void add_banks(const YAML::Node& node, std::vector<Bank>& banks) {
  const int count = node["count"] ? node["count"].as<int>() : 1;
  if (count < 1 || count > 256) throw YAML::RepresentationException(node.Mark(), "'count' is not 1 to 256");
  const auto group = required(node, "group").as<std::string>();
  const int first = node["first"] ? node["first"].as<int>() : 0;
  const uint64_t size = parse_size(required(node, "size"));
  uint64_t address = required(node, "base").as<uint64_t>();
  for (int i = 0; i < count; ++i, address += size) {
    banks.push_back({absl::StrCat(group, "[", first + i, "]"), required(node, "kind").as<std::string>(), address, size,
                     required(node, "slr").as<int>()});
  }
}

Board parse_board(const YAML::Node& node) {
  Board board;
  board.name = required(node, "name").as<std::string>();
  board.title = required(node, "title").as<std::string>();
  board.part = required(node, "part").as<std::string>();
  board.platform = required(node, "platform").as<std::string>();
  board.vbnv = required(node, "vbnv").as<std::string>();
  board.default_clock_mhz = required(node, "default_clock_mhz").as<double>();
  board.maximum_clock_mhz = required(node, "maximum_clock_mhz").as<double>();
  board.resources = parse_resources(required(node, "resources"));
  for (const YAML::Node& slr : required(node, "slrs"))
    board.slrs.push_back({required(slr, "name").as<std::string>(), parse_resources(slr)});
  for (const YAML::Node& bank : required(node, "banks")) add_banks(bank, board.banks);
  for (const Bank& bank : board.banks) {
    if (bank.slr < 0 || bank.slr >= static_cast<int>(board.slrs.size()))
      throw YAML::RepresentationException(node.Mark(), "bank '" + bank.tag + "' is on an SLR that does not exist");
  }
  if (board.banks.empty() || board.slrs.empty())
    throw YAML::RepresentationException(node.Mark(), "a board needs banks and SLRs");
  return board;
}

std::vector<Board> load_all() {
  std::vector<Board> boards;
  for (const char* text : kBoardFiles) {
    auto board = parse(text);
    if (!board.ok()) {
      // The files are compiled in, and a test reads each: this is a mistake of ours.
      std::fprintf(stderr, "%s\n", std::string(board.status().message()).c_str());
      std::abort();
    }
    boards.push_back(*std::move(board));
  }
  std::sort(boards.begin(), boards.end(), [](const Board& a, const Board& b) { return a.name < b.name; });
  return boards;
}

}  // namespace

absl::StatusOr<Board> parse(const std::string& yaml) {
  try {
    return parse_board(YAML::Load(yaml));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("board file: ", error.what()));
  }
}

const std::vector<Board>& all() {
  static const std::vector<Board> boards = load_all();
  return boards;
}

absl::StatusOr<const Board*> find(std::string_view name) {
  for (const Board& board : all()) {
    if (board.name == name) return &board;
  }
  return absl::NotFoundError(
      absl::StrCat("unknown board '", std::string(name), "': known are ",
                   absl::StrJoin(all(), ", ", [](std::string* out, const Board& board) { *out += board.name; })));
}

}  // namespace strobe::boards
