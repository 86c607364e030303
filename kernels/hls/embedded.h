#pragma once

#include <map>
#include <string>
#include <string_view>

namespace strobe::hls {

/// The C++14 headers that generated kernels include, carried in the program: text by path below its include folder.
/// What a card's compiler needs: "strobe/tensor.h", "layers/dense/dense_hls.h".
const std::map<std::string, std::string_view>& kernel_headers();

/// What takes the vendor's place under g++, and what emulation alone needs: "ap_int.h", "kernel_memory.h".
const std::map<std::string, std::string_view>& emulation_headers();

}  // namespace strobe::hls
