#pragma once

#include <string>

#include "host/cli/scan_report.h"
#include "host/scan/widths.h"

/// What `strobe scan` says of a model in many widths.
namespace strobe::cli {

void print_text(const ScanSubject& subject, const scan::WidthScan& scan);
void print_json(const ScanSubject& subject, const scan::WidthScan& scan);
/// A header and a line for each point, quoted where a field holds commas.
std::string csv_text(const scan::WidthScan& scan);
/// Accuracy against bit operations.
std::string picture(const ScanSubject& subject, const scan::WidthScan& scan);

}  // namespace strobe::cli
