#pragma once

#include <string>

#include "kernels/model/graph.h"

namespace strobe::hls {

/// Whether the type holds 0 only: a dead lane, or one signed bit with symmetric limits, which the vendor's simulation
/// would let become -1.
bool is_dead(const model::FixedType& type);

/// The format of an exact number in generated code: sign, width and integer bits, at least one bit wide. Combining two
/// formats gives one that holds every result.
struct Format {
  bool is_signed = false;
  int width = 1;
  int integer = 1;

  int fraction() const { return width - integer; }
  /// "ap_fixed<16,6>"
  std::string to_string() const;
  bool operator==(const Format&) const = default;

  /// Of one number. A dead lane needs one bit.
  static Format of(const model::FixedType& type);
  /// Holds every element of a tensor exactly.
  static Format covering(const model::TensorType& type);
  /// Holds every value of a constant exactly, and no more than that.
  static Format covering(const model::Constant& constant);
  /// Holds `low * 2^-fraction` to `high * 2^-fraction`.
  static Format of_range(model::Wide low, model::Wide high, int fraction);
};

/// Holds all values of both.
Format covering(const Format& a, const Format& b);
Format sum(const Format& a, const Format& b);
Format difference(const Format& a, const Format& b);
Format product(const Format& a, const Format& b);

/// The type with its modes as generated code spells it, always as ap_[u]fixed: conversion to an ap_int would truncate
/// towards zero.
std::string type_name(const model::FixedType& type);

/// A value `raw * 2^-fraction` as C++: an exact decimal, or a call where a double has too few digits.
std::string literal(int64_t raw, int fraction, const std::string& type);

}  // namespace strobe::hls
