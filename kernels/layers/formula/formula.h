#pragma once

#include "kernels/layers/layer.h"

namespace strobe::layers {

/// A formula: one vector in, one vector out, by a program of exact scalar steps (program.h), the same for every event.
/// Each step's result is an exact number on a fixed grid; only `cast` steps round and overflow. Attributes "steps",
/// "results" and "names" hold the program, constants "table_0", "table_1", ... the tables that its lookups read. The
/// result of element e is a cast to the type of the output's element.
extern const Layer kFormulaLayer;

}  // namespace strobe::layers
