/// `strobe scan` as a user runs it: what it prints and writes agrees with itself, and with what `compile` and `check`
/// say of the same widths.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "host/io/files.h"
#include "tests/system/program_fixture.h"

namespace strobe {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

const std::string kLabelled = kSampleData + "features.npy --raw-in --labels " + kSampleData + "labels.npy";

/// The lines of a CSV file as maps from the header's names; quoted fields may hold commas.
std::vector<std::map<std::string, std::string>> parse_csv(const std::string& text) {
  std::vector<std::vector<std::string>> lines(1, std::vector<std::string>(1));
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"')
      lines.back().back() += text[++i];
    else if (text[i] == '"')
      quoted = !quoted;
    else if (text[i] == ',' && !quoted)
      lines.back().emplace_back();
    else if (text[i] == '\n' && !quoted)
      lines.emplace_back(1);
    else
      lines.back().back() += text[i];
  }
  lines.pop_back();  // behind the last line's end
  std::vector<std::map<std::string, std::string>> rows;
  for (size_t l = 1; l < lines.size(); ++l) {
    EXPECT_EQ(lines[l].size(), lines[0].size()) << "line " << l + 1;
    for (size_t f = 0; f < std::min(lines[l].size(), lines[0].size()); ++f) {
      if (f == 0) rows.emplace_back();
      rows.back()[lines[0][f]] = lines[l][f];
    }
  }
  return rows;
}

class Scan : public ProgramTest {
 protected:
  void expect_problem(const std::string& arguments, const std::string& words) {
    EXPECT_EQ(strobe("scan " + arguments), 1) << arguments << "\n" << error_;
    EXPECT_THAT(error_, HasSubstr(words)) << arguments;
  }

  /// The jets as numbers: each point has an input type of its own.
  void write_numbers() const {
    const auto raw = io::read_npy(kSampleData + "features.npy");
    ASSERT_TRUE(raw.ok()) << raw.status();
    std::vector<double> numbers = raw->numbers();
    for (double& number : numbers) number /= 1024;
    ASSERT_TRUE(io::write_npy(file("numbers.npy"), io::Array::of(raw->shape(), std::move(numbers))).ok());
  }

  /// The simplest equations of each of the project's own tables: enough for a menu, and quick.
  void put_simplest_formulas() const {
    fs::create_directories(file("formulas"));
    for (int output = 0; output < 5; ++output) {
      const std::string name = "hall_of_fame_output" + std::to_string(output) + ".csv";
      std::ifstream all(kSampleData + "formulas/" + name);
      std::ofstream few(file("formulas/" + name));
      std::string line;
      for (bool is_header = true; std::getline(all, line); is_header = false) {
        if (is_header || std::stoi(line) <= 10) few << line << "\n";
      }
    }
  }

  /// Compiles a point by the options that the scan names for it and holds `check` against the scan.
  void expect_check_agrees(const std::string& model, const json& point) {
    ASSERT_EQ(strobe("compile " + model + " " + point["compile_options"].get<std::string>() + " --target emulator -o " +
                     file("point.xclbin")),
              0)
        << error_;
    ASSERT_EQ(strobe("check " + file("point.xclbin") + " " + file("numbers.npy") + " --labels " + kSampleData +
                     "labels.npy --reference-events 64 --json"),
              0)
        << error_;
    const json output = json::parse(output_)["outputs"][0];
    EXPECT_EQ(output["accuracy"]["fixed"], point["accuracy"]);
    EXPECT_EQ(output["same_class"], point["same_class"]);
    EXPECT_EQ(output["difference"], point["difference"]);
  }
};

TEST_F(Scan, TableCsvAndPictureOfANetworkAgree) {
  const std::string widths = " --input-widths 1,8 --weight-widths 4,8 --score-widths 8";
  ASSERT_EQ(strobe("scan " + kSampleData + "jets_float.keras " + kLabelled + widths + " --json --csv " + file("s.csv") +
                   " --plot " + file("s.svg")),
            0)
      << error_;
  const json report = json::parse(output_);
  const auto rows = parse_csv(slurp(file("s.csv")));
  const std::string svg = slurp(file("s.svg"));
  EXPECT_EQ(report["events"], 4000);
  EXPECT_NEAR(report["float_accuracy"].get<double>(), 0.651, 0.001);
  ASSERT_EQ(report["points"].size(), 5u);
  ASSERT_EQ(rows.size(), 5u);
  size_t possible = 0;
  for (size_t p = 0; p < rows.size(); ++p) {
    const json& point = report["points"][p];
    const bool is_narrow = point["input_bits"] == 1;
    EXPECT_EQ(point.contains("problem"), is_narrow) << point;
    EXPECT_EQ(rows[p].at("problem").empty(), !is_narrow);
    if (is_narrow) {
      EXPECT_THAT(rows[p].at("problem"), HasSubstr("inputs: 1 bits"));
      continue;
    }
    ++possible;
    EXPECT_EQ(std::stod(rows[p].at("accuracy")), point["accuracy"]);
    EXPECT_EQ(std::stod(rows[p].at("bit_operations")), point["bit_operations"]);
    EXPECT_EQ(rows[p].at("on_front") == "1", point["on_front"].get<bool>());
  }
  EXPECT_EQ(rows[4].at("input_type"), "ap_fixed<8,5,AP_RND,AP_SAT>");
  EXPECT_EQ(rows[4].at("weight_bits"), "8");
  EXPECT_GT(std::stod(rows[4].at("accuracy")), std::stod(rows[3].at("accuracy")));
  EXPECT_LT(std::stod(rows[3].at("bit_operations")), std::stod(rows[4].at("bit_operations")));
  size_t dots = 0;
  for (size_t at = svg.find("<circle"); at != std::string::npos; at = svg.find("<circle", at + 1)) ++dots;
  EXPECT_EQ(dots, possible);
  EXPECT_THAT(svg, HasSubstr(">8/8/8</text>"));
  EXPECT_THAT(svg, testing::Not(HasSubstr(">1/8/8</text>")));
}

TEST_F(Scan, ItsFiguresAreThoseOfCompileAndCheck) {
  write_numbers();
  for (const auto& [name, select] : {std::pair("jets_float.keras", ""), std::pair("jets_forest.json", ""),
                                     std::pair("formulas", " --select max-complexity=9")}) {
    SCOPED_TRACE(name);
    ASSERT_EQ(strobe("scan " + kSampleData + name + " " + file("numbers.npy") + select + " --labels " + kSampleData +
                     "labels.npy --input-widths 10 --weight-widths 7 --score-widths 9 --json"),
              0)
        << error_;
    const json report = json::parse(output_);
    ASSERT_EQ(report["points"].size(), 2u);
    for (const json& point : report["points"]) expect_check_agrees(kSampleData + name, point);
  }
}

TEST_F(Scan, MenuOfFormulasIsWhatCompileAndCheckSay) {
  put_simplest_formulas();
  ASSERT_EQ(strobe("scan " + file("formulas") + " " + kLabelled + " --json --csv " + file("m.csv") + " --plot " +
                   file("m.svg")),
            0)
      << error_;
  const json report = json::parse(output_);
  const auto rows = parse_csv(slurp(file("m.csv")));
  const std::string svg = slurp(file("m.svg"));
  ASSERT_GT(report["levels"].size(), 2u);
  ASSERT_EQ(rows.size(), report["levels"].size());
  for (size_t l = 0; l < rows.size(); ++l) {
    const json& level = report["levels"][l];
    ASSERT_FALSE(level.contains("problem")) << level;
    EXPECT_EQ(level["equations"].size(), 5u);
    EXPECT_EQ(std::stod(rows[l].at("accuracy")), level["accuracy"]);
    EXPECT_EQ(std::stoi(rows[l].at("planned_depth")), level["planned"]["depth"]);
    EXPECT_TRUE(l == 0 || level["complexity"] > report["levels"][l - 1]["complexity"]) << level;
  }
  EXPECT_THAT(svg, HasSubstr(">complexity<"));
  EXPECT_THAT(svg, HasSubstr("planned cycles"));
  // Of five classes.
  EXPECT_GT(report["levels"].back()["accuracy"].get<double>(), 0.5);

  const json& level = report["levels"][report["levels"].size() / 2];
  ASSERT_EQ(strobe("compile " + file("formulas") + " " + level["compile_options"].get<std::string>() +
                   " --target emulator -o " + file("menu.xclbin")),
            0)
      << error_;
  ASSERT_EQ(strobe("check " + file("menu.xclbin") + " " + kLabelled + " --reference-events 64 --json"), 0) << error_;
  EXPECT_EQ(json::parse(output_)["outputs"][0]["accuracy"]["fixed"], level["accuracy"]);
}

TEST_F(Scan, BadInputIsRefusedWithItsReason) {
  const std::string network = kSampleData + "jets_float.keras ";
  expect_problem(file("none.keras") + " " + kLabelled, "none.keras");
  expect_problem(network + file("none.npy"), "none.npy");
  expect_problem(network + kSampleData + "labels.npy", "labels.npy");
  expect_problem(network + kSampleData + "features.npy --raw-in --labels " + kSampleData + "features.npy", "labels");
  expect_problem(network + kLabelled + " --plot " + file("s.png"), "--plot: expected a name ending in .svg");
  expect_problem(network + kLabelled + " --input-type 'ap_fixed<0,6>'", "--input-type");
  expect_problem(network + kLabelled + " --config " + file("none.yml"), "none.yml");
  expect_problem(
      network + kLabelled + " --input-widths 8 --weight-widths 8 --score-widths 8 --csv " + file("no/folder.csv"),
      "folder.csv");
  expect_problem(kSampleData + "formulas " + kLabelled + " --input-widths 8", "--select");
  expect_problem(kSampleData + "formulas " + kLabelled + " --select best", "chooses no equation");
  expect_problem(file("") + " " + kLabelled, "without hall_of_fame");
  EXPECT_EQ(strobe("scan " + network + kLabelled + " --input-widths 0"), 2);
  EXPECT_EQ(strobe("scan " + network + kLabelled + " --input-widths eight"), 2);
  EXPECT_EQ(strobe("scan " + network), 2);
}

TEST_F(Scan, HelpShowsAnExample) {
  EXPECT_EQ(strobe("scan --help"), 0);
  EXPECT_THAT(output_, HasSubstr("Examples: strobe scan"));
}

}  // namespace
}  // namespace strobe
