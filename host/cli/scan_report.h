#pragma once

#include <string>

#include "host/scan/widths.h"
#include "kernels/compile/compile.h"

namespace strobe::cli {

/// What a scan was of, for its title.
struct ScanSubject {
  compile::ModelOptions model;
  size_t events = 0;
};

/// The options of `strobe compile` that give a point again: "--input-type 'ap_fixed<8,4>' --weight-bits 6".
std::string compile_options(compile::ModelOptions model, const quantise::QuantiseOptions& point);
std::string compile_options(const compile::ModelOptions& model);

void print_text(const ScanSubject& subject, const scan::WidthScan& scan);
void print_json(const ScanSubject& subject, const scan::WidthScan& scan);
/// A header and a line for each point, quoted where a field holds commas.
std::string csv_text(const scan::WidthScan& scan);
/// Accuracy against bit operations.
std::string picture(const ScanSubject& subject, const scan::WidthScan& scan);

}  // namespace strobe::cli
