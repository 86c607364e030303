#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "host/scan/figures.h"
#include "kernels/compile/compile.h"

/// What the reports of `strobe scan`, of widths and of menus, have in common.
namespace strobe::cli {

/// What a scan was of, for its title.
struct ScanSubject {
  compile::ModelOptions model;
  size_t events = 0;
};

/// The options of `strobe compile` that a model was given: "--input-type 'ap_fixed<8,4>' --weight-bits 6".
std::string compile_options(const compile::ModelOptions& model);

bool is_on_front(const std::vector<size_t>& front, size_t point);

/// Adds what a point gives and costs.
void add_figures(nlohmann::ordered_json& point, const scan::Figures& figures, bool on_front);

/// The columns of `csv_figures`, and the figures; both end in a comma.
inline constexpr const char* kCsvFigures =
    "largest_difference,mean_difference,input_overflows,overflows,multiplications,additions,";
std::string csv_figures(const scan::Figures& figures);

}  // namespace strobe::cli
