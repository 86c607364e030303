#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernels/formula/formula.h"
#include "kernels/import/formula_file.h"
#include "kernels/quantise/quantise.h"

// Any bytes must give a formula or an error, and any formula a program or an error.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* choice : {"", "all", "loss"}) {
    auto model = strobe::import::read_formula(text, "fuzz.txt", choice, "");
    if (!model.ok()) continue;
    const auto& formula = model->layers[1].formula;
    if (formula->terms.size() > 40 || formula->inputs.size() > 100) continue;  // right, but too slow to be fuzzed
    for (const char* config : {"Formula: {OutputError: 0.1, Domain: saturate}",
                               "Formula: {Compatibility: hls4ml, Precision: 'ap_fixed<8,4>'}"})
      (void)strobe::quantise::quantise(*model, {config, "fuzz", strobe::model::FixedType::fixed(8, 3)});
  }
  return 0;
}
