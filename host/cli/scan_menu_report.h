#pragma once

#include <string>

#include "host/cli/scan_report.h"
#include "host/scan/menu.h"

/// What `strobe scan` says of a menu of formulas.
namespace strobe::cli {

void print_text(const ScanSubject& subject, const scan::Menu& menu);
void print_json(const ScanSubject& subject, const scan::Menu& menu);
/// A header and a line for each level.
std::string csv_text(const scan::Menu& menu);
/// Accuracy against complexity, each level with its planned cycles.
std::string picture(const ScanSubject& subject, const scan::Menu& menu);

}  // namespace strobe::cli
